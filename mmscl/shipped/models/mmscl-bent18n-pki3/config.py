"""mmscl-bent18n-pki3: configs/scl/bent18n_pki3_polarity.py, without its bases."""

auto_scale_lr = dict(base_batch_size=48)
custom_hooks = [
    dict(type='NaNGuardHook'),
    dict(type='WholeKaryotypesHook'),
    dict(type='ProgressHook'),
]
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'mmscl',
    ])
data_root = 'data/pki3'
default_hooks = dict(
    checkpoint=dict(
        interval=1,
        max_keep_ckpts=2,
        rule='greater',
        save_best='polarity_accuracy',
        type='SafeCheckpointHook'),
    logger=dict(interval=50, type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    timer=dict(type='IterTimerHook'),
    visualization=dict(enable=False, type='VisualizationHook'))
default_scope = 'mmpretrain'
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
external = dict(datanew=dict(data_root='data/datanew', split=None))
frame = dict(
    cell_measure='axis', cell_size=64, extent=144, size=(
        96,
        48,
    ))
load_from = None
log_level = 'INFO'
meta_keys = (
    'sample_idx',
    'img_path',
    'case',
    'cell',
    'site',
    'polarity_label',
    'ori_shape',
    'img_shape',
)
model = dict(
    backbone=dict(
        channels=(
            32,
            64,
            160,
            384,
        ),
        model_name='resnet18',
        type='TimmEncoder'),
    channels_last=True,
    data_preprocessor=dict(mean=[
        127.5,
    ], std=[
        127.5,
    ]),
    head=dict(
        lambda1=0.1,
        loss=dict(type='SupConFocalLoss'),
        loss_cls=dict(type='CrossEntropyLoss'),
        type='SCLHead'),
    mirror=True,
    polarity_head=dict(type='PolarityHead'),
    predict_embedding=True,
    type='SCLClassifier')
optim_wrapper = dict(
    clip_grad=dict(max_norm=5.0),
    optimizer=dict(lr=0.002, type='AdamW', weight_decay=0.01),
    type='OptimWrapper')
param_scheduler = [
    dict(by_epoch=False, end=100, start_factor=0.01, type='LinearLR'),
    dict(
        begin=100,
        by_epoch=False,
        end=1000,
        eta_min=1e-06,
        type='CosineAnnealingLR'),
]
randomness = dict(deterministic=False, seed=0)
resume = False
test_cfg = dict()
test_dataloader = dict(
    batch_size=128,
    dataset=dict(
        cell_size='axis',
        data_root='data/pki3',
        pipeline=[
            dict(type='LoadChromosome'),
            dict(prob=0.0, type='FlipPolarity', upright=True),
            dict(
                cell_measure='axis',
                cell_size=64,
                extent=144,
                size=(
                    96,
                    48,
                ),
                type='ChromosomeCanvas'),
            dict(
                meta_keys=(
                    'sample_idx',
                    'img_path',
                    'case',
                    'cell',
                    'site',
                    'polarity_label',
                    'ori_shape',
                    'img_shape',
                ),
                type='PackInputs'),
        ],
        split='test',
        type='ChromosomeDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = [
    dict(per_type=True, type='ChromosomeMetric'),
    dict(type='EmbeddingMetric'),
    dict(type='PolarityMetric'),
    dict(out_file='predictions.csv', type='PredictionTable'),
]
test_pipeline = [
    dict(type='LoadChromosome'),
    dict(prob=0.0, type='FlipPolarity', upright=True),
    dict(
        cell_measure='axis',
        cell_size=64,
        extent=144,
        size=(
            96,
            48,
        ),
        type='ChromosomeCanvas'),
    dict(
        meta_keys=(
            'sample_idx',
            'img_path',
            'case',
            'cell',
            'site',
            'polarity_label',
            'ori_shape',
            'img_shape',
        ),
        type='PackInputs'),
]
train_cfg = dict(max_epochs=4, type='ResumableEpochTrainLoop', val_interval=4)
train_dataloader = dict(
    batch_size=48,
    dataset=dict(
        cache=True,
        cell_size='axis',
        data_root='data/pki3',
        pipeline=[
            dict(type='LoadChromosome'),
            dict(prob=0.5, type='FlipPolarity', upright=True),
            dict(
                cell_measure='axis',
                cell_size=64,
                extent=144,
                preset='mmscl',
                size=(
                    96,
                    48,
                ),
                type='ChromosomeAugment'),
            dict(
                meta_keys=(
                    'sample_idx',
                    'img_path',
                    'case',
                    'cell',
                    'site',
                    'polarity_label',
                    'ori_shape',
                    'img_shape',
                ),
                type='PackInputs'),
        ],
        split='train',
        type='ChromosomeDataset'),
    num_workers=0,
    sampler=dict(
        pairing='cross_case',
        steps_per_epoch=250,
        type='PairedKaryotypeSampler'))
train_pipeline = [
    dict(type='LoadChromosome'),
    dict(prob=0.5, type='FlipPolarity', upright=True),
    dict(
        cell_measure='axis',
        cell_size=64,
        extent=144,
        preset='mmscl',
        size=(
            96,
            48,
        ),
        type='ChromosomeAugment'),
    dict(
        meta_keys=(
            'sample_idx',
            'img_path',
            'case',
            'cell',
            'site',
            'polarity_label',
            'ori_shape',
            'img_shape',
        ),
        type='PackInputs'),
]
val_cfg = dict()
val_dataloader = dict(
    batch_size=128,
    dataset=dict(
        cache=True,
        cell_size='axis',
        data_root='data/pki3',
        pipeline=[
            dict(type='LoadChromosome'),
            dict(prob=0.0, type='FlipPolarity', upright=True),
            dict(
                cell_measure='axis',
                cell_size=64,
                extent=144,
                size=(
                    96,
                    48,
                ),
                type='ChromosomeCanvas'),
            dict(
                meta_keys=(
                    'sample_idx',
                    'img_path',
                    'case',
                    'cell',
                    'site',
                    'polarity_label',
                    'ori_shape',
                    'img_shape',
                ),
                type='PackInputs'),
        ],
        split='val',
        type='ChromosomeDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = [
    dict(type='ChromosomeMetric'),
    dict(type='PolarityMetric'),
]
visualizer = dict(
    type='UniversalVisualizer', vis_backends=[
        dict(type='LocalVisBackend'),
    ])
