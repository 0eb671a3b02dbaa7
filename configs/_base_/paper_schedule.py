"""The paper's schedule: Adam, lr 1e-5, 200 epochs (2000 steps, set by the sampler)."""

optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-5))
param_scheduler = []
train_cfg = dict(type="ResumableEpochTrainLoop", max_epochs=200, val_interval=1)
auto_scale_lr = dict(base_batch_size=48)
