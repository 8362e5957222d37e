"""Training of one model: reproducible, resumable, chosen on the validation split only.

Every random number of an epoch comes from a generator seeded by (seed, epoch), so a run that is
killed and resumed at the last finished epoch gives the same weights as one that was not: bit for
bit on a CPU with as many threads, on a GPU up to the order in which its kernels add.
"""

import contextlib
import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from iram.architecture import Architecture
from iram.data.dataset import FaceDataset
from iram.dtype import PRECISION, choose_dtype, dtype_of
from iram.errors import InputError
from iram.evaluate import accuracy, predict
from iram.files import atomic_path
from iram.model import FERClassifier
from iram.progress import progress_bar
from iram.seeds import derived_seed
from iram.training import beside
from iram.training.augment import augment, augment_twice, mix, side_at
from iram.training.checkpoint import load_checkpoint, save_checkpoint
from iram.training.initial import initial_model, others
from iram.training.optimizer import height, optimizers
from iram.training.recipe import Recipe
from iram.training.targets import chosen, targets, votes_sha256
from iram.training.terms import Batch, Loss


class DivergedError(RuntimeError):
    """The loss is no longer a number."""


@dataclass
class Trained:
    """A finished training: the model with the best epoch's weights, that epoch, the log, the
    arithmetic as a card says it, how many faces were trained on, and the trained nets that had a
    part in it (`iram.training.initial.others`)."""

    model: FERClassifier
    epoch: int
    log: list[dict]
    precision: str
    faces: int
    others: dict[str, str]


def train(
    architecture: Architecture,
    training: FaceDataset,
    validation: FaceDataset,
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    progress: bool = True,
) -> Trained:
    """Trains from scratch or from the recipe's pretrained net, or goes on from `folder`'s
    checkpoint if there is one.

    Writes `log.csv` (one row an epoch) and `checkpoint.safetensors` to `folder` after every
    epoch, so that an interruption costs at most the epoch it falls in. The returned weights are
    those of the epoch with the highest accuracy on `validation`, the first if several are equal;
    of the last epoch where `Recipe.takes_last`.

    Args:
        dtype: see `iram.dtype.choose_dtype`; "auto" goes on as `folder`'s checkpoint was begun.

    Raises:
        DivergedError: the loss became NaN or infinite.
        InputError: the checkpoint belongs to another architecture, recipe, seed or data.
    """
    if recipe.without_copies:
        training = training.subset(training.copies_of("validation", "test") == "")
    if 0 < recipe.faces < len(training):
        training = training.subset(chosen(len(training), recipe.faces, seed))
    run = _Run(architecture, training, validation, recipe, seed, Path(folder), device, dtype)
    run.resume()
    batches = {"total": recipe.epochs * run.steps, "initial": run.epoch * run.steps}
    name = Path(folder).name
    with progress_bar(shown=progress, unit="batch", desc=name, **batches) as bar:
        while run.epoch < recipe.epochs:
            run.run_epoch(bar)
            run.save()
    run.model.load_state_dict(run.best)
    return Trained(run.model.eval(), run.best_epoch, run.log, run.identity["precision"],
                   len(training), others(recipe))


class _Run:
    """The state of a training between two epochs."""

    def __init__(self, architecture, training, validation, recipe, seed, folder, device, dtype):
        self.training, self.validation, self.recipe = training, validation, recipe
        self.seed, self.folder, self.device = seed, folder, device
        self.checkpoint = folder / "checkpoint.safetensors"
        self.steps = len(training) // recipe.batch_size
        if self.steps < 1:
            count = len(training)
            fitting = max(2, 1 << (count // 2).bit_length() - 1) if count > 1 else 0  # two batches
            raise InputError(
                f"{count} training faces are fewer than one batch of {recipe.batch_size}"
                + (f"; --recipe batch_size={fitting} would fit" if fitting else "")
            )
        keys = "identity", "epoch", "best_epoch", "log"
        self.saved = load_checkpoint(self.checkpoint, keys) if self.checkpoint.exists() else None
        begun = self.saved and dtype_of(self.saved[1]["identity"].get("precision"))
        dtype = choose_dtype(dtype, device, begun)
        self.bf16 = dtype == "bf16"
        with _seeded(seed, "initial weights"):
            model = initial_model(architecture, recipe)
        self.fit(model)
        self.model = model.to(device, memory_format=torch.channels_last)
        self.averaged = AveragedModel(self.model, multi_avg_fn=self.average, use_buffers=True)
        with _seeded(seed, "terms of the loss"):
            self.loss = Loss(self.model, recipe, len(training), seed).to(device)
        self.trained = nn.ModuleDict({"model": self.model, "loss": self.loss})
        self.optimizers = optimizers(self.trained, recipe)
        self.identity = {
            "architecture": architecture.to_dict(), "recipe": recipe.to_dict(), "seed": seed,
            "data": training.sha256, "faces": len(training),
            "precision": PRECISION[dtype],
        } | others(recipe)
        self.pixels = torch.from_numpy(training.images_uint8(slice(None))).to(device)
        self.targets = targets(training, recipe, seed).to(device)
        if recipe.votes:  # the faces are known by what they came from, votes by what they are
            self.identity["votes"] = votes_sha256(training)
        self.epoch, self.best_epoch, self.log = 0, 0, []
        self.best: dict[str, Tensor] = {}

    def fit(self, model: FERClassifier, most: int = 1000) -> None:
        """What parts of the net find in training faces before the first step (their `fit`)."""
        parts = [module for module in model.modules() if hasattr(module, "fit")]
        if parts and self.saved is None and not self.recipe.pretrained:
            told = model.architecture
            faces = self.training.images(chosen(len(self.training), most, self.seed))
            for part in parts:
                part.fit((faces - told.mean) / told.std, derived_seed(self.seed, "fit"))

    def run_epoch(self, bar) -> None:
        started, losses, hits = time.perf_counter(), [], []
        generator = torch.Generator().manual_seed(derived_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.training), generator=generator).to(self.device)
        self.model.train()
        with _seeded(self.seed, "dropout", self.epoch):
            for step in range(self.steps):
                rows = order[step * self.recipe.batch_size :][: self.recipe.batch_size]
                loss, right = self.step(rows, step, generator)
                losses.append(loss)
                hits.append(right)
                bar.update()
        loss = torch.stack(losses).mean().item()  # read once an epoch: a GPU need not wait
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss} in epoch {self.epoch + 1}")
        seconds = time.perf_counter() - started
        kept = self.averaged.module if self.recipe.ema else self.model
        logits = predict(kept, self.validation, bf16=self.bf16, device=self.device)
        validated = accuracy(logits, self.validation.labels)["accuracy"]
        self.epoch += 1
        self.log.append({
            "epoch": self.epoch, "training_loss": round(loss, 5),
            "training_accuracy": round(torch.stack(hits).mean().item(), 5),
            "validation_accuracy": validated,
            "seconds": round(seconds, 1),
            "images_per_second": round(self.steps * self.recipe.batch_size / seconds, 1),
        })
        bar.set_postfix(loss=f"{loss:.3f}", validation=f"{validated:.4f}")
        best = self.log[self.best_epoch - 1]["validation_accuracy"]
        if self.recipe.takes_last or not self.best or validated > best:
            self.best_epoch = self.epoch
            self.best = {k: v.cpu().clone() for k, v in kept.state_dict().items()}

    def average(self, averaged: list[Tensor], now: list[Tensor], step: Tensor) -> None:
        """One step of the moving average of weights and statistics."""
        decay = min(self.recipe.ema, (1 + step.item()) / (10 + step.item()))
        get_ema_multi_avg_fn(decay)(averaged, now, step)

    def step(self, rows: Tensor, step: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One batch: its loss, and the share of right predictions on the augmented pictures."""
        recipe = self.recipe
        share = (self.epoch * self.steps + step) / (recipe.epochs * self.steps)
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = group["peak"] * height(recipe, share)
        side = side_at(recipe, self.pixels.shape[-1], share)
        faces, target, cover = self.pixels[rows][:, None].float() / 255, self.targets[rows], None
        if self.loss.paired:
            x, cover = augment_twice(faces, recipe, generator, side)
        else:
            x = augment(faces, recipe, generator, side)
        if recipe.mixup:
            x, target = mix(x, target, recipe.mixup, generator)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
            seen, covered = beside.run(self.model, x, cover, self.loss.local)
            logits = self.model.classify(seen).float()
            loss = self.loss(Batch(self.model, x, target, rows, share, seen, logits, covered))
        self.trained.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        if recipe.ema:
            self.averaged.update_parameters(self.model)
        return loss.detach(), (logits.argmax(1) == target.argmax(1)).float().mean()

    def _parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All that is trained: the net's parameters under their own names, then the terms'."""
        yield from self.model.named_parameters()
        yield from self.loss.named_parameters("loss")

    def save(self) -> None:
        states = {p: s for optimizer in self.optimizers for p, s in optimizer.state.items()}
        momentum = {
            name: states[parameter]["momentum_buffer"]
            for name, parameter in self._parameters()
            if parameter in states
        }
        groups = {"model": self.model.state_dict(), "momentum": momentum, "best": self.best,
                  "loss": self.loss.state_dict()}
        if self.recipe.ema:
            groups["averaged"] = self.averaged.state_dict()
        state = {"identity": self.identity, "epoch": self.epoch, "best_epoch": self.best_epoch,
                 "log": self.log}
        # The log first: a checkpoint of the last epoch without its row would never be completed.
        with (
            atomic_path(self.folder / "log.csv") as temporary,
            open(temporary, "w", newline="") as file,
        ):
            writer = csv.DictWriter(file, self.log[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.log)
        save_checkpoint(self.checkpoint, groups, state)

    def resume(self) -> None:
        if self.saved is None:
            return
        (groups, state), self.saved = self.saved, None
        made = state["identity"]
        for part, now in (("recipe", Recipe()), ("architecture", Architecture())):
            made[part] = now.to_dict() | made[part]  # fields added since: as they were
        if changed := difference(made, self.identity):
            raise InputError(
                f"{self.checkpoint} is of another training ({changed}); choose another --out, or "
                "remove it"
            )
        self.model.load_state_dict(groups["model"])
        self.loss.load_state_dict(groups.get("loss", {}))
        names = {parameter: name for name, parameter in self._parameters()}
        for optimizer in self.optimizers:
            for parameter in (p for group in optimizer.param_groups for p in group["params"]):
                if names[parameter] in groups["momentum"]:  # else it had no gradient yet
                    buffer = groups["momentum"][names[parameter]].to(self.device)
                    optimizer.state[parameter]["momentum_buffer"] = buffer
        if self.recipe.ema:
            self.averaged.load_state_dict(groups["averaged"])
        self.best, self.best_epoch = groups["best"], state["best_epoch"]
        self.epoch, self.log = state["epoch"], state["log"]


@contextlib.contextmanager
def _seeded(*parts):
    """Seeds torch's global generators inside the block and restores them after."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(derived_seed(*parts))
        yield


def difference(old: dict, new: dict, prefix: str = "") -> str:
    """What differs between two nested settings, as "recipe.lr: 0.08 there, 0.05 now"; else ""."""
    parts = []
    for key in [*new, *(key for key in old if key not in new)]:
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            parts.append(difference(before, now, f"{prefix}{key}."))
        elif before != now:
            parts.append(f"{prefix}{key}: {before} there, {now} now")
    return ", ".join(filter(None, parts))
