"""A study: its configuration and the table of instances that it expands to.

Read while the Snakefile is parsed, so only the standard library, jsonschema and YAML are imported.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from manyseeds.study import distortions, variants
from manyseeds.study.architectures import STREAMS, TIMM, module_names, used_streams
from manyseeds.study.instances import Instance, shown_conditions
from manyseeds.study.user_folders import STIMULI, find_arrays, find_checkpoints, find_exported, names_categories
from manyseeds.study.validation import Config
from manyseeds.study.variants import Variant

TRAINED, PRETRAINED, OWN_ACTIVATIONS, OWN_NETWORKS = "trained", "pretrained", "own_activations", "own_networks"

FITTED = ("gcn", "gcn_zca", "channel_mean_sd")
"""Preprocessings that are fitted to the training images."""

FOLDERS = {"activations_dir": OWN_ACTIVATIONS, "networks_dir": OWN_NETWORKS, "pretrained_dir": PRETRAINED}
"""Keys of the config that name a folder to analyse instead of training, and the mode that each sets."""

OF_TRAINING = frozenset(
    (
        *("seed", "instances", "training", "collapse", "dropout", "untrained"),
        *("finetune", "merge", "transfer", "sources", "export"),
    )
)
"""Keys that determine something only of networks that a study trains, here or where it was exported."""

UNUSED = {
    OWN_NETWORKS: OF_TRAINING | {"trajectory"},
    OWN_ACTIVATIONS: OF_TRAINING | {"data", "stimuli", "kernels", "distortions", "paradox"},
}
"""Keys that determine nothing, by mode."""

SETTINGS = ("dropout", "images", "categories", "perturb")
"""Keys of conditions that change a training otherwise than by its random draws."""

BUILT_IN = ("pixels", "categories")
"""RDMs from outside that every study has, if it has images and categories."""

PERSONAL = ("study", "keep_activations")
PERSONAL_IN = {
    "data": ("root", "download"),
    "outside": ("files",),
    "training": ("checkpoint_minutes", "cohort_size", "cuda_graphs"),
}
"""Keys of the config and of its sections that each user of a study sets for their own runs."""


@dataclass(frozen=True)
class Study:
    """A configuration checked and completed by `checks.checked_study`, and everything derived from it."""

    config: Config

    @property
    def name(self) -> str:
        """Name of the study, and of its folder under ``results/``."""
        return self.config["study"]

    @property
    def mode(self) -> str:
        """Where activations come from: `TRAINED`, `PRETRAINED`, `OWN_ACTIVATIONS` or `OWN_NETWORKS`."""
        return next((mode for key, mode in FOLDERS.items() if self.config[key] is not None), TRAINED)

    @property
    def knows_training(self) -> bool:
        """Whether the config says how the networks are trained, here or by the study that exported them."""
        return self.mode in (TRAINED, PRETRAINED)

    @cached_property
    def unfilled_tables(self) -> frozenset[str]:
        """Tables that a study of this mode cannot fill, or that do not concern it; they are made only on request.

        Networks from elsewhere have no known training. Activations have no accuracies, and simulated rotations say
        nothing about them. Their stimuli may have no categories. A study may name no comparators.
        """
        unfilled = set() if self.knows_training else {"history", "attempts"}
        if self.mode == OWN_ACTIVATIONS:
            unfilled |= {"rotations", "rotation_entries"}
        if not self.classified_groups:
            unfilled |= {"accuracy", "accuracy_summary"}
        if not self.has_categories:
            unfilled |= {"clustering", "clustering_summary", "random_grouping"}
        if not self.conserved_groups:
            unfilled |= {"conserved", "stimulus_agreement", "category_agreement", "pair_agreement"}
            unfilled |= {"agreement_reliability", "conserved_dimensions"}
        if not self.outside_groups:
            unfilled |= {"outside", "outside_summary", "outside_conclusions"}
        if not self.source_groups:
            unfilled |= {"sources", "source_pairs", "divergence"}
        if not self.comparator_groups:
            unfilled |= {"comparators", "comparators_summary", "comparator_drop", "correspondence"}
        if not self.kernel_groups:
            unfilled |= {"kernels"}
        if not self.distortion_groups:
            unfilled |= {"error_agreement"}
        if not self.distortion_groups or not self.distortions:
            unfilled |= {"distorted_accuracy", "distorted_accuracy_summary", "kernel_relations", "paradox"}
        if not self.tuned_groups:
            unfilled |= {"merged", "finetune_history"}
        if not self.transfer_groups:
            unfilled |= {"transfer", "transfer_summary", "transfer_relations", "transfer_history"}
        return frozenset(unfilled)

    @cached_property
    def has_categories(self) -> bool:
        """Whether stimuli have categories; the stimuli of own activations may have none."""
        return self.mode != OWN_ACTIVATIONS or names_categories(Path(self.config["activations_dir"]) / STIMULI)

    @cached_property
    def tuned_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups with networks that are trained further on distorted images."""
        return tuple(dict.fromkeys(instance[:2] for instance in self.instances if self.is_tuned(instance)))

    @property
    def stores_inputs(self) -> bool:
        """Whether preprocessed images are written.

        Channels are standardised batch by batch instead: that is cheap, but copies of large image sets are not.
        """
        return self.config["data"]["preprocessing"] in ("gcn", "gcn_zca")

    @property
    def fits_preprocessing(self) -> bool:
        """Whether the preprocessing is fitted to the training images, and not fixed."""
        return self.config["data"]["preprocessing"] in FITTED

    @property
    def needs_training_images(self) -> bool:
        """Whether training images must be there: networks are trained here, or a preprocessing is fitted."""
        return self.knows_training or self.fits_preprocessing

    @property
    def networks_of_timm(self) -> list[str]:
        """Names in timm of the study's networks of timm."""
        architectures = [entry["architecture"] for entry in self.config["networks"]]
        return [each.removeprefix(TIMM) for each in architectures if each.startswith(TIMM)]

    def classifies(self, architecture: str) -> bool:
        """Return whether a network's outputs are the data's categories; only then does it have accuracies."""
        return self.mode != OWN_ACTIVATIONS and self.network(architecture)["outputs"] is None

    @property
    def classified_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks have accuracies."""
        return tuple(group for group in self.groups if self.classifies(group[0]))

    @cached_property
    def conditions(self) -> tuple[Config, ...]:
        """The declared conditions, then one like the first for each rate above 0 of the dropout sweep.

        A condition that crosses streams varies these, and has one instance for each combination of their seeds. `cross`
        and `perturb` are None where the config has no number or kind.
        """
        declared, sweep = [_completed(condition) for condition in self.config["conditions"]], self.config["dropout"]
        first = declared[0]
        n_instances = sweep["instances"] or first["instances"]
        added = (
            first
            | {
                "name": f"dropout{rate:g}",
                "label": None,
                "dropout": rate,
                "networks": sweep["networks"],
                "instances": n_instances,
            }
            for rate in sweep["rates"]
            if rate
        )
        return (*declared, *added)

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """All instances, by architecture, condition and seed."""
        if self.mode == OWN_ACTIVATIONS:
            return tuple(self.own_arrays)
        if self.mode == OWN_NETWORKS:
            return tuple(self.own_checkpoints)
        return tuple(instance for instance in self._declared if instance not in self.alone)

    @cached_property
    def _declared(self) -> tuple[Instance, ...]:
        """The instances that the config declares; of exported networks, only the ones in their folder."""
        declared = (
            Instance(name, condition["name"], seed)
            for name in map(network_name, self.config["networks"])
            for condition in self.conditions
            if condition["networks"] is None or name in condition["networks"]
            for seed in range(condition["instances"] or self.config["instances"])
        )
        return tuple(instance for instance in declared if self.mode == TRAINED or instance in self.exported)

    @cached_property
    def alone(self) -> tuple[Instance, ...]:
        """Exported networks that are left out, because their group has no other network to compare."""
        if self.mode != PRETRAINED:
            return ()
        sizes = Counter((instance.architecture, instance.condition) for instance in self._declared)
        return tuple(each for each in self._declared if sizes[each.architecture, each.condition] == 1)

    @cached_property
    def groups(self) -> tuple[tuple[str, str], ...]:
        """Groups (architecture, condition) in order; instances of a group are compared with each other."""
        return tuple(dict.fromkeys((instance.architecture, instance.condition) for instance in self.instances))

    @cached_property
    def shown_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups shown by figures without conditions of their own: each architecture's baseline, or all."""
        architectures = dict.fromkeys(architecture for architecture, _ in self.groups)
        conditions = {name: [c for architecture, c in self.groups if architecture == name] for name in architectures}
        return tuple((name, condition) for name in architectures for condition in shown_conditions(conditions[name]))

    @cached_property
    def compared_conditions(self) -> tuple[tuple[str, str, str], ...]:
        """Architectures with the two conditions whose networks are compared (`condition_pairs`)."""
        architectures = dict.fromkeys(architecture for architecture, _ in self.groups)
        return tuple(
            (architecture, *pair)
            for architecture in architectures
            for pair in self.config["condition_pairs"]
            if all((architecture, condition) in self.groups for condition in pair)
        )

    @property
    def named_conditions(self) -> dict[str, list[str]]:
        """Conditions that comparisons and statistics name, by the key of the config that names them."""
        resampling = self.config["resampling"]
        named = {f"condition_pairs[{index}]": pair for index, pair in enumerate(self.config["condition_pairs"])}
        for key in ("partitions_for", "stimuli_for"):
            named[f"resampling.{key}.conditions"] = resampling[key]["conditions"] or []
        for key in (
            "untrained",
            "comparators",
            "sources",
            "conserved",
            "explorer",
            "outside",
            "kernels",
            "distortions",
        ):
            named[f"{key}.conditions"] = self.config[key]["conditions"] or []
        return named

    @cached_property
    def absent_conditions(self) -> dict[str, list[str]]:
        """Those of `named_conditions` that do not exist.

        Networks and activations from elsewhere need not have all the conditions that a study names.
        """
        there = {condition for _, condition in self.groups}
        absent = {key: [name for name in named if name not in there] for key, named in self.named_conditions.items()}
        return {key: names for key, names in absent.items() if names}

    @cached_property
    def dropout_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups trained with dropout, whose RDMs are averaged over dropout masks."""
        if not self.knows_training or not self.config["dropout"]["samples"]:
            return ()
        return tuple(group for group in self.groups if self.condition(group[1])["dropout"])

    @cached_property
    def followed_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose training is followed: they are analysed at several epochs."""
        return tuple(group for group in self.groups if len(self.epochs_of(*group)) > 1)

    @cached_property
    def untrained_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks are also compared before training, in all layers (`untrained`).

        There are none if the initial weights are not known. Exported networks of a perturbed condition have none
        either: their initial weights are drawn again without the perturbation. Nor have those that began from weights
        from elsewhere, which an export does not hold.
        """
        chosen = self.config["untrained"]["conditions"]
        chosen = [self.conditions[0]["name"]] if chosen is None else chosen
        if not self.knows_training or not self.untrained_measures:
            return ()
        redrawn = {each["name"] for each in self.conditions if each["perturb"] and self.mode == PRETRAINED}
        return tuple(
            group
            for group in self.groups
            if group[1] in chosen and group[1] not in redrawn and self.can_draw_again(group[0])
        )

    def can_draw_again(self, architecture: str) -> bool:
        """Return whether the initial weights of an architecture are files here, or can be drawn again from seeds."""
        return self.mode != PRETRAINED or self.network(architecture)["weights"] is None

    @cached_property
    def comparator_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks are compared by several comparators (`comparators`)."""
        chosen = self.config["comparators"]["conditions"]
        if not self.config["comparators"]["names"]:
            return ()
        return self.shown_groups if chosen is None else tuple(group for group in self.groups if group[1] in chosen)

    @cached_property
    def conserved_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups of which is asked what their networks have in common (`conserved`)."""
        chosen = self.config["conserved"]["conditions"]
        if not self.conserved_measures:
            return ()
        return self.shown_groups if chosen is None else tuple(group for group in self.groups if group[1] in chosen)

    @cached_property
    def explored_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks the explorer shows one by one (`explorer`)."""
        chosen = self.config["explorer"]["conditions"]
        # Networks from elsewhere need not have the conditions that a study names.
        return tuple(group for group in self.groups if group[1] in (chosen or ())) or self.shown_groups

    @property
    def conserved_measures(self) -> tuple[str, ...]:
        """Measures of the RDMs in which that is asked, as far as the study has them."""
        return tuple(measure for measure in self.config["conserved"]["measures"] if measure in self.measures)

    @cached_property
    def outside_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks are compared with RDMs from outside (`outside`)."""
        chosen = self.config["outside"]["conditions"]
        if not self.outside_measures or not (self.outside_files or self.built_in):
            return ()
        return self.shown_groups if chosen is None else tuple(group for group in self.groups if group[1] in chosen)

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        """Names in figures of architectures and of conditions, as far as the config has any."""
        entries = {"architecture": self.config["networks"], "condition": self.conditions}
        named = {
            kind: [(network_name(e) if kind == "architecture" else e["name"], e["label"]) for e in each]
            for kind, each in entries.items()
        }
        return {kind: {name: label for name, label in pairs if label is not None} for kind, pairs in named.items()}

    @property
    def outside_measures(self) -> tuple[str, ...]:
        """Measures of the networks' RDMs that are compared with RDMs from outside, as far as the study has them."""
        return tuple(measure for measure in self.config["outside"]["measures"] if measure in self.measures)

    @property
    def outside_files(self) -> dict[str, Config]:
        """The entries of `outside.files` by their names."""
        return {entry["name"]: entry for entry in self.config["outside"]["files"]}

    @property
    def built_in(self) -> tuple[str, ...]:
        """The built-in RDMs from outside that are compared. Own activations do not have pixels."""
        there = {"pixels": self.mode != OWN_ACTIVATIONS, "categories": self.has_categories}
        return tuple(name for name in self.config["outside"]["built_in"] if there[name])

    @cached_property
    def source_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks are pooled, by architecture, to tell sources of difference apart (`sources`).

        By default these are the first condition that crosses streams, and others like it that do.
        """
        chosen = self.config["sources"]["conditions"]
        if chosen is None:
            crossed = [condition for condition in self.conditions if condition["cross"]]
            settings = [[condition[key] for key in SETTINGS] for condition in crossed]
            chosen = [each["name"] for each, own in zip(crossed, settings, strict=True) if own == settings[0]]
        return tuple(group for group in self.groups if group[1] in chosen) if self.knows_training else ()

    @property
    def source_architectures(self) -> tuple[str, ...]:
        """Architectures with pooled networks."""
        return tuple(dict.fromkeys(architecture for architecture, _ in self.source_groups))

    def pooled_conditions(self, architecture: str) -> tuple[str, ...]:
        """Return the conditions whose networks of an architecture are pooled."""
        return tuple(condition for name, condition in self.source_groups if name == architecture)

    def perturbed_conditions(self, architecture: str) -> tuple[str, ...]:
        """Return the conditions of perturbed networks that are compared with pooled ones: their settings are the same.

        None of the pool is among them.
        """
        pooled = self.pooled_conditions(architecture)
        first = self.condition(pooled[0])
        alike = [key for key in SETTINGS if key != "perturb"]
        return tuple(
            name
            for each, name in self.groups
            if each == architecture
            and name not in pooled
            and (condition := self.condition(name))["perturb"]
            and all(condition[key] == first[key] for key in alike)
        )

    def source_epochs(self, architecture: str) -> tuple[int, ...]:
        """Return the epochs at which pooled networks are compared: those at which all of them are analysed."""
        of_conditions = [self.epochs_of(architecture, name) for name in self.pooled_conditions(architecture)]
        chosen = self.config["sources"]["epochs"]
        common = [epoch for epoch in of_conditions[0] if all(epoch in epochs for epochs in of_conditions)]
        return tuple(epoch for epoch in common if chosen is None or epoch in chosen) or (self.last_epoch,)

    @property
    def source_measures(self) -> tuple[str, ...]:
        """Measures of the RDMs of pooled networks, as far as the study has them."""
        return tuple(measure for measure in self.config["sources"]["measures"] if measure in self.measures)

    def _with_weights(self, conditions: list[str] | None) -> tuple[tuple[str, str], ...]:
        """Return the groups of some conditions (None: those that figures show), if the study has their weights."""
        if self.mode == OWN_ACTIVATIONS:
            return ()
        return self.shown_groups if conditions is None else tuple(each for each in self.groups if each[1] in conditions)

    @cached_property
    def kernel_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks are compared by their kernels (`kernels`)."""
        return self._with_weights(self.config["kernels"]["conditions"])

    @cached_property
    def distortion_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose predictions are kept, for images as they are and for distorted ones (`distortions`)."""
        groups = self._with_weights(self.config["distortions"]["conditions"])
        return tuple(group for group in groups if self.classifies(group[0]))

    @property
    def strength_preset(self) -> str:
        """The preset of strengths of distortions without their own: `a19` or `whitened`."""
        chosen = self.config["distortions"]["strengths"]
        if isinstance(chosen, str):
            return chosen
        return "whitened" if self.config["data"]["preprocessing"] == "gcn_zca" else "a19"

    @property
    def own_strengths(self) -> dict[str, list[float]]:
        """Strengths that the config lists, by distortion."""
        chosen = self.config["distortions"]["strengths"]
        return chosen if isinstance(chosen, dict) else {}

    @property
    def has_colour(self) -> bool:
        """Whether images have three channels. Those of a folder are taken to, since only their files tell."""
        return self.config["data"]["dataset"] != "digits"

    @cached_property
    def distortions(self) -> dict[str, tuple[float, ...]]:
        """Strengths of each distortion of the test images."""
        names, own = self.config["distortions"]["names"], self.own_strengths
        if names == "all":
            names = distortions.all_names(self.strength_preset, colour=self.has_colour)
        defaults = {name: distortions.default_strengths(name, self.strength_preset) for name in names}
        return {name: tuple(own.get(name, defaults[name])) for name in names}

    @property
    def late_epochs(self) -> tuple[int, ...]:
        """The two epochs at which kernels are compared within each network; none if there are not two with weights."""
        chosen = self.config["kernels"]["epochs"]
        if self.mode != TRAINED:
            return ()
        if chosen is not None:
            return tuple(sorted(chosen))
        earlier = [epoch for epoch in self.checkpoints if 0 < epoch < self.last_epoch]
        milestones = [epoch for epoch in self.config["training"]["milestones"] if epoch in earlier]
        late = (milestones or earlier)[-1:]
        return (*late, self.last_epoch) if late else ()

    def is_chain(self, architecture: str) -> bool:
        """Return whether all layers of an architecture are convolutions, each of the outputs of the one before."""
        return module_names(self.network(architecture)["architecture"]) is not None

    @property
    def tuning(self) -> tuple[tuple[str, float], ...]:
        """Distortions and learning rates with which networks are trained further; the images as they are come first."""
        chosen = self.config["finetune"]["distortions"]
        names = [distortions.NONE, *chosen] if chosen else []
        return tuple((name, rate) for name in names for rate in self.config["finetune"]["learning_rates"])

    def is_tuned(self, instance: Instance) -> bool:
        """Return whether an instance is trained further on distorted images."""
        group, number = instance[:2], self.config["finetune"]["instances"]
        chosen = bool(self.tuning) and group in self.kernel_groups and group in self.distortion_groups
        return chosen and instance.seed in self.seeds(*group)[:number]

    def variants(self, instance: Instance) -> tuple[Variant, ...]:
        """Return the variants of a network, the trained weights first.

        A study without distortions tests only the trained weights, but compares the kernels of all variants.
        """
        found = [variants.trained()]
        if instance[:2] not in self.kernel_groups:
            return tuple(found)
        kernels = self.config["kernels"]
        found += [variants.at_epoch(epoch) for epoch in self.late_epochs if epoch != self.last_epoch]
        found += [variants.noise(r) for r in kernels["noise"]] + [variants.rescaled(s) for s in kernels["rescale"]]
        found += [variants.permuted()] if self.is_chain(instance.architecture) else []
        tuning = self.tuning if self.is_tuned(instance) else ()
        return (*found, *(variants.finetuned(name, rate) for name, rate in tuning))

    def tested_variants(self, instance: Instance) -> tuple[Variant, ...]:
        """Return the variants of a network whose predictions are kept."""
        found = self.variants(instance)
        return found if self.distortions else found[:1]

    @property
    def transfer_groups(self) -> tuple[tuple[str, str], ...]:
        """The groups whose networks learn other categories: All-CNNs, whose readout is known (`transfer`)."""
        source = self.config["transfer"]["source"]
        if not self.knows_training:
            return ()
        return tuple(group for group in self.groups if group[1] == source and self.is_chain(group[0]))

    @property
    def transfer_root(self) -> str | None:
        """The folder of images that networks learn, if these are not the images of a condition (`transfer`)."""
        target = self.config["transfer"]["target"]
        return target["root"] if isinstance(target, dict) else None

    @property
    def transfer_target(self) -> str:
        """What networks learn, as tables name it: a condition, or the name of a folder of images."""
        folder = self.transfer_root
        return self.config["transfer"]["target"] if folder is None else Path(os.path.abspath(folder)).name

    @property
    def groups_not_followed(self) -> tuple[tuple[str, str], ...]:
        """The groups that are analysed at the last epoch alone."""
        return tuple(group for group in self.groups if group not in self.followed_groups)

    @property
    def confined_groups(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """The groups of each analysis restricted to some layers, by the config key that names the layers."""
        return {"trajectory": self.followed_groups, "dropout": self.dropout_groups}

    @cached_property
    def dropout_sweep(self) -> tuple[tuple[str, str], ...]:
        """The groups that differ from the first condition only in dropout, if that has no dropout."""
        first = self.conditions[0]
        alike = ("vary", "cross", "perturb", "images", "categories")
        if not self.knows_training or first["dropout"]:
            return ()
        return tuple(
            (architecture, name)
            for architecture, name in self.groups
            if (condition := self.condition(name))["dropout"]
            and all(condition[key] == first[key] for key in alike)
            and (architecture, first["name"]) in self.groups
        )

    def seeds(self, architecture: str, condition: str) -> tuple[int, ...]:
        """Return the seeds of the instances of a group."""
        return self._seeds.get((architecture, condition), ())

    @cached_property
    def _seeds(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """Seeds of the instances of each group. Planning asks for them thousands of times."""
        found: dict[tuple[str, str], list[int]] = {}
        for architecture, condition, seed in self.instances:
            found.setdefault((architecture, condition), []).append(seed)
        return {group: tuple(seeds) for group, seeds in found.items()}

    def network(self, name: str) -> Config:
        """Return the entry of the config's `networks` with this name."""
        return next(entry for entry in self.config["networks"] if network_name(entry) == name)

    def condition(self, name: str) -> Config:
        """Return the condition with this name."""
        return next(entry for entry in self.conditions if entry["name"] == name)

    def used_streams(self, architecture: str, condition: str) -> tuple[str, ...]:
        """Return the random streams from which the trainings of a group draw."""
        return used_streams(
            self.network(architecture)["architecture"],
            augmentation=self.config["training"]["augmentation"],
            dropout=self.condition(condition)["dropout"],
        )

    def stream_seeds(self, instance: Instance) -> dict[str, int]:
        """Return the seed of each random stream: the instance's if its condition varies it, else 0.

        If its condition crosses streams, their seeds are the digits of the instance's (`crossed_seeds`).
        """
        condition = self.condition(instance.condition)
        if condition["cross"]:
            seeds = crossed_seeds(condition["cross"], instance.seed)
        else:
            seeds = dict.fromkeys(condition["vary"], instance.seed)
        return {stream: seeds.get(stream, 0) for stream in STREAMS}

    def settings(self, instance: Instance) -> dict[str, Any]:
        """Return an instance's settings by column.

        These are stream seeds, vary, cross, perturb, dropout, images, categories and judged.

        All are None if the training is not known.
        """
        columns = [f"stream_{stream}" for stream in STREAMS]
        if not self.knows_training:
            others = ["vary", "cross", "perturb", "dropout", "images", "categories", "judged"]
            return dict.fromkeys([*columns, *others])
        condition = self.condition(instance.condition)
        seeds = dict(zip(columns, self.stream_seeds(instance).values(), strict=True))
        categories = condition["categories"]
        return seeds | {
            "vary": "+".join(condition["vary"]),
            "cross": "+".join(f"{stream}{n}" for stream, n in (condition["cross"] or {}).items()) or None,
            "perturb": described(condition["perturb"]),
            "dropout": condition["dropout"],
            "images": condition["images"],
            "categories": None if categories is None else "+".join(map(str, categories)),
            "judged": self.config["collapse"]["enabled"],
        }

    @property
    def last_epoch(self) -> int:
        """The epoch that every analysis uses; 0 for own networks, and for own activations without epochs."""
        if self.mode == OWN_ACTIVATIONS:
            return max(next(iter(self.own_arrays.values())))
        return self.config["training"]["epochs"] if self.knows_training else 0

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Epochs at which networks are evaluated; networks trained here keep their weights at these epochs.

        They include 0 and the last one, unless the training is not known.
        """
        if not self.knows_training:
            return self.analysed_epochs
        return tuple(sorted({0, *self.config["training"]["checkpoints"], self.last_epoch}))

    @property
    def weight_epochs(self) -> tuple[int, ...]:
        """Epochs whose weights exist: all checkpoints, but only the last for exported networks."""
        return (self.last_epoch,) if self.mode == PRETRAINED else self.checkpoints

    @property
    def analysed_epochs(self) -> tuple[int, ...]:
        """Epochs whose activations are read, in groups whose training is followed."""
        if self.mode == OWN_ACTIVATIONS:
            return tuple(sorted(next(iter(self.own_arrays.values()))))
        trajectory = self.config["trajectory"]["epochs"] if self.knows_training else ()
        return tuple(sorted({*trajectory, self.last_epoch}))

    def epochs_of(self, architecture: str, condition: str) -> tuple[int, ...]:
        """Return the epochs whose activations a group has: only the last if its training is not followed."""
        networks, conditions = (self.config["trajectory"][key] for key in ("networks", "conditions"))
        followed = (networks is None or architecture in networks) and (conditions is None or condition in conditions)
        return self.analysed_epochs if followed or self.mode == OWN_ACTIVATIONS else (self.last_epoch,)

    def exported_epochs(self, architecture: str, condition: str) -> tuple[int, ...]:
        """Return the epochs whose activations are exported, for a group whose training is followed."""
        chosen = self.config["export"]["epochs"]
        epochs = self.epochs_of(architecture, condition)
        return epochs if chosen is None else tuple(each for each in epochs if each in (*chosen, self.last_epoch))

    def followed_layers(self, architecture: str) -> tuple[str, ...]:
        """Return the layers that are compared along training (`trajectory.layers`).

        Some may belong to other architectures only. For own activations these are the named layers that exist at every
        epoch or, if there are none, the deepest layer that does.
        """
        named = tuple(self.config["trajectory"]["layers"])
        if self.mode != OWN_ACTIVATIONS:
            return named
        epochs = next(found for instance, found in self.own_arrays.items() if instance.architecture == architecture)
        layers = [[file.stem for file in files] for _, files in sorted(epochs.items())]
        always = [layer for layer in layers[-1] if all(layer in found for found in layers)]
        return tuple(layer for layer in always if layer in named) or tuple(always[-1:])

    @property
    def measures(self) -> tuple[str, ...]:
        """Dissimilarity measures."""
        return tuple(self.config["measures"])

    @property
    def untrained_measures(self) -> tuple[str, ...]:
        """Measures by which networks are compared before training, as far as the study has them."""
        return tuple(measure for measure in self.config["untrained"]["measures"] if measure in self.measures)

    @property
    def compared_measures(self) -> tuple[str, ...]:
        """Measures of the RDMs that comparators compare, as far as the study has them."""
        return tuple(measure for measure in self.config["comparators"]["measures"] if measure in self.measures)

    @cached_property
    def own_arrays(self) -> dict[Instance, dict[int, tuple[Path, ...]]]:
        """Arrays of the user's own activations, by instance and epoch: one for each layer, in order."""
        return find_arrays(Path(self.config["activations_dir"]))

    @cached_property
    def own_checkpoints(self) -> dict[Instance, Path]:
        """Weights of the user's own networks."""
        return find_checkpoints(Path(self.config["networks_dir"]))

    @cached_property
    def exported(self) -> dict[Instance, Path]:
        """Folders of the networks that another study exported."""
        return find_exported(Path(self.config["pretrained_dir"]))

    @property
    def portable_config(self) -> Config:
        """The config for others who analyse the same networks, without keys for this machine or run."""
        config = {key: value for key, value in self.config.items() if key not in (*FOLDERS, *PERSONAL)}
        for section, keys in PERSONAL_IN.items():
            config[section] = {key: value for key, value in config[section].items() if key not in keys}
        if self.transfer_root is not None:  # a folder of this machine
            config["transfer"] = config["transfer"] | {"source": None, "target": None}
        if (exported := config["export"]["epochs"]) is not None:  # activations of other epochs are not exported
            followed = [epoch for epoch in config["trajectory"]["epochs"] if epoch in exported]
            config["trajectory"] = config["trajectory"] | {"epochs": followed}
        return config

    def select(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return only the named keys of the config; nested keys are dotted (``training.epochs``)."""
        selected: dict[str, Any] = {}
        for key in keys:
            *parents, last = key.split(".")
            source, target = self.config, selected
            for parent in parents:
                source, target = source[parent], target.setdefault(parent, {})
            target[last] = source[last]
        return selected


def _completed(condition: Config) -> dict[str, Any]:
    """Return a condition with the streams and instances that `cross` stands for, and None for an empty `perturb`."""
    levels = {stream: n for stream, n in (condition["cross"] or {}).items() if n is not None}
    perturb = condition["perturb"] if condition["perturb"] and condition["perturb"]["kind"] else None
    completed = {**condition, "cross": levels or None, "perturb": perturb}
    return completed | {"vary": list(levels), "instances": prod(levels.values())} if levels else completed


def crossed_seeds(levels: Mapping[str, int], seed: int) -> dict[str, int]:
    """Return the seed of each crossed stream of an instance: the digits of its number.

    Parameters
    ----------
    levels
        Number of seeds of each stream, in the order of `STREAMS`. The last one changes fastest.
    seed
        Number of the instance among all combinations, from 0.
    """
    seeds = {}
    for stream, n in reversed(list(levels.items())):
        seed, seeds[stream] = divmod(seed, n)
    return {stream: seeds[stream] for stream in levels}


def described(perturb: Config | None) -> str | None:
    """Return a perturbation in words, ``ulp`` or ``factor 1.001``, with what is not the default; None without any."""
    if perturb is None:
        return None
    words = [perturb["kind"]] + ([f"{perturb['factor']:g}"] if perturb["kind"] == "factor" else [])
    if perturb["parameter"] is not None or perturb["index"]:
        words.append(f"{perturb['parameter'] or 'first convolution'}[{perturb['index']}]")
    return " ".join(words + ([f"epoch {perturb['epoch']}"] if perturb["epoch"] else []))


def network_name(entry: Config) -> str:
    """Return the name of a `networks` entry in folders and tables: its own, or else its architecture's."""
    return entry["name"] or entry["architecture"].removeprefix(TIMM)
