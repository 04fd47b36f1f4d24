"""torch.optim.AdamW trajectories, gradient clipping, Transformers' learning-rate schedules."""
import os

import torch
from transformers import get_scheduler

from .common import VERSIONS, folder, generator, save_json

CASES = [
    {"learning_rate": 1e-3, "weight_decay": 0.0},
    {"learning_rate": 1e-2, "weight_decay": 0.1},
    {"learning_rate": 1e-2, "weight_decay": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6},
    {"learning_rate": 5e-3, "weight_decay": 0.0, "max_grad_norm": 1.0},
    {"learning_rate": 5e-3, "weight_decay": 0.0, "sparse": True},
]
SCHEDULES = ["constant", "constant_with_warmup", "linear", "cosine"]


def trajectory(case, steps=20, size=8):
    """Two parameters of 8 and 5 numbers under given gradients; every state after each step."""
    draw = generator(41)
    parameters = [torch.nn.Parameter(torch.randn(count, generator=draw)) for count in (size, 5)]
    start = [parameter.tolist() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=case["learning_rate"], weight_decay=case["weight_decay"],
                                  betas=(case.get("beta1", 0.9), case.get("beta2", 0.999)), eps=case.get("eps", 1e-8))
    result = []
    for step in range(steps):
        for parameter in parameters:
            gradient = torch.randn(parameter.shape, generator=draw) * 10.0 ** (step % 5 - 3)
            if case.get("sparse") and step % 3:
                gradient[::2] = 0
            parameter.grad = gradient
        record = {"gradients": [parameter.grad.tolist() for parameter in parameters]}
        if "max_grad_norm" in case:
            record["grad_norm"] = float(torch.nn.utils.clip_grad_norm_(parameters, case["max_grad_norm"]))
        optimizer.step()
        record["parameters"] = [parameter.tolist() for parameter in parameters]
        record["first_moments"] = [optimizer.state[parameter]["exp_avg"].tolist() for parameter in parameters]
        record["second_moments"] = [optimizer.state[parameter]["exp_avg_sq"].tolist() for parameter in parameters]
        result.append(record)
    return {**case, "start": start, "steps": result}


def schedule(name, warm_up, total):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warm_up, num_training_steps=total)
    factors = []
    for _ in range(total):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"name": name, "warmup_steps": warm_up, "total_steps": total, "factors": factors}


def make():
    place = folder("optimizer")
    save_json(os.path.join(place, "adamw.json"), {"versions": VERSIONS, "cases": [trajectory(case) for case in CASES]})
    schedules = [schedule(name, warm_up, 50) for name in SCHEDULES for warm_up in (0, 5)]
    save_json(os.path.join(place, "schedules.json"), {"versions": VERSIONS, "schedules": schedules})
