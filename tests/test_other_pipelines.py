"""SCL in pipelines that are not ours, as docs/method.md and the README show it."""

import cv2
import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

import mmscl  # noqa: F401
from mmscl.datasets import PairedKaryotypeSampler, write_karyotypes
from mmscl.functional import focal_loss, scl_loss

SETTINGS = """
data_preprocessor = dict(num_classes=24, mean=[127.5] * 3, std=[127.5] * 3)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=48, num_workers=0, persistent_workers=False,
    dataset=dict(_delete_=True, type='ChromosomeDataset', data_root={root!r},
                 pipeline=train_pipeline),
    sampler=dict(_delete_=True, type='PairedKaryotypeSampler', steps_per_epoch=2))
val_dataloader = test_dataloader = val_cfg = test_cfg = None
val_evaluator = test_evaluator = None
train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
work_dir = {work_dir!r}
"""


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    root = tmp_path_factory.mktemp("crops")
    write_karyotypes(root, cases=3, cells_per_case=1, seed=0, abnormal_rate=0.0)
    return root


def train(tmp_path, crops, text):
    path = tmp_path / "config.py"
    work_dir = str(tmp_path / "work_dir")
    path.write_text(text + SETTINGS.format(root=str(crops), work_dir=work_dir))
    cfg = Config.fromfile(path)
    cfg.launcher = "none"
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_an_unmodified_mmpretrain_config_with_three_changed_entries(tmp_path, crops):
    text = """
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmscl'], allow_failed_imports=False)
model = dict(type='SCLClassifier', head=dict(_delete_=True, type='SCLHead'))
"""
    runner = train(tmp_path, crops, text)
    assert runner.iter == 2
    assert runner.message_hub.get_scalar("train/loss_con").current() > 0


def test_mmpretrains_own_classifier_with_our_sampler_and_loss(tmp_path, crops):
    text = """
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmscl'], allow_failed_imports=False)
head = dict(num_classes=24, topk=(1,), loss=dict(_delete_=True, type='SCLLoss'))
model = dict(head=head)
"""
    runner = train(tmp_path, crops, text)
    assert type(runner.model).__name__ == "ImageClassifier"
    assert runner.message_hub.get_scalar("train/loss").current() > 0


def test_a_plain_timm_loop_without_a_runner(crops):
    from mmscl.datasets import Manifest

    manifest = Manifest.read(crops / "manifest.csv")

    class Crops(Dataset):
        def __len__(self):
            return len(manifest)

        def get_gt_labels(self):
            return manifest.labels

        metainfo = dict(classes=mmscl.datasets.TYPES)

        def __getitem__(self, index):
            image = cv2.imread(str(crops / manifest["path"][index]), 0)
            image = cv2.resize(image, (32, 32))
            return torch.tensor(image)[None] / 255, int(manifest.labels[index])

    torch.manual_seed(0)
    dataset = Crops()
    sampler = PairedKaryotypeSampler(dataset, seed=0, steps_per_epoch=2, missing="skip")
    encoder = timm.create_model("resnet10t", in_chans=1, num_classes=0)
    classifier = torch.nn.Linear(encoder.num_features, 24)
    parameters = [*encoder.parameters(), *classifier.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    losses = []
    for images, labels in DataLoader(
        dataset, batch_size=sampler.block_size, sampler=sampler
    ):
        embeddings = encoder(images)
        logits = classifier(embeddings)
        loss = scl_loss(embeddings, labels, scale=1 / 0.07)
        loss = loss + 2 * focal_loss(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert len(losses) == 2 and all(torch.isfinite(torch.tensor(losses)))


def test_get_model_and_the_inferencer_of_mmpretrain(tmp_path, crops):
    from mmpretrain import ImageClassificationInferencer, get_model

    text = """
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmscl'], allow_failed_imports=False)
model = dict(type='SCLClassifier', head=dict(_delete_=True, type='SCLHead'))
"""
    runner = train(tmp_path, crops, text)
    cfg = runner.cfg.copy()
    cfg.test_dataloader = dict(
        dataset=dict(
            pipeline=[
                dict(type="LoadChromosome"),
                dict(type="ChromosomeCanvas", size=32, channels=3),
                dict(type="PackInputs"),
            ]
        )
    )
    config, checkpoint = (
        str(tmp_path / "test.py"),
        str(tmp_path / "work_dir/epoch_1.pth"),
    )
    cfg.dump(config)
    model = get_model(config, pretrained=checkpoint)
    torch.testing.assert_close(
        model.state_dict()["head.embedding.weight"],
        runner.model.state_dict()["head.embedding.weight"],
    )
    inferencer = ImageClassificationInferencer(config, pretrained=checkpoint)
    image = next(crops.rglob("*.png"))
    answer = inferencer(str(image))[0]
    assert answer["pred_class"] in mmscl.datasets.TYPES
    assert len(answer["pred_scores"]) == 24
