"""What a study leaves out, ignores or decides by itself, in sentences."""

from pathlib import Path

import pytest
from configs import study
from own_folders import own_activations, own_networks

from manyseeds.study.notices import notices


def told(given, **overlay) -> list[str]:
    return notices(study(condition_pairs=[], **overlay), given)


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def about(**overlay) -> list[str]:
    return notices(study(condition_pairs=[], **overlay))


def test_a_study_that_reads_all_of_a_folder_and_leaves_nothing_out_has_no_notice(tmp_path):
    put(tmp_path, "stimuli.csv", "layers.csv", "README.md", ".hidden/x.npy", "all_cnn_c/baseline/seed0/.cache.npz")
    (tmp_path / "layers.csv").write_text("layer\nconv9\n")
    assert about() == about(**own_activations(tmp_path)) == []


def test_keys_that_determine_nothing_are_named_where_they_were_given(tmp_path):
    given = ["study", "stimuli", "training", "instances", "measures"]
    arrays, weights = own_activations(tmp_path / "arrays"), own_networks(tmp_path / "weights")
    assert told(given, **arrays) == [
        "Keys of the config that determine nothing with activations_dir: instances, stimuli, training."
    ]
    assert told(given, **weights) == [
        "Keys of the config that determine nothing with networks_dir: instances, training."
    ]
    assert told(given) == told(["study", "measures"], **arrays) == []


@pytest.mark.parametrize(
    ("make", "strays"),
    [
        (
            own_activations,
            [
                "all_cnn_c/baseline/net_seed7/conv9.npy",
                "all_cnn_c/baseline/seed0/conv9.npy",
                "all_cnn_c/baseline/seed0/epoch1/conv9.NPZ",
                "all_cnn_c/baseline/seed0/epoch1/fc.h5",
                "all_cnn_c/layers.csv",
            ],
        ),
        (
            own_networks,
            ["all_cnn_c/baseline/net_seed0.pt", "all_cnn_c/baseline/seed0.ckpt", "all_cnn_c/seed0.pt", "stimuli.csv"],
        ),
    ],
)
def test_files_that_look_like_data_and_are_not_read_are_named(make, strays, tmp_path):
    overlay = make(tmp_path)
    put(tmp_path, *strays)
    (sentence,) = about(**overlay)
    assert f"{tmp_path}: not read, though it looks like data: {', '.join(sorted(strays))}. Read are " in sentence


def test_of_many_files_that_are_not_read_the_first_are_named_and_the_others_counted(tmp_path):
    overlay = own_networks(tmp_path)
    put(tmp_path, *(f"all_cnn_c/baseline/net{n}.pt" for n in range(9)))
    (sentence,) = about(**overlay)
    assert "net0.pt, " in sentence
    assert "net4.pt and 4 more. Read are" in sentence


def test_files_behind_links_are_named_and_links_in_a_circle_end(tmp_path):
    overlay = own_networks(tmp_path / "own")
    put(tmp_path, "elsewhere/baseline/weights.pt")
    (tmp_path / "own/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "own/all_cnn_c/circle").symlink_to(tmp_path / "own")
    (tmp_path / "own/all_cnn_c/again.pt").symlink_to(tmp_path / "own/all_cnn_c/baseline/seed0.safetensors")
    (sentence,) = about(**overlay)
    assert "looks like data: linked/baseline/weights.pt. Read are" in sentence


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (["conv2", "conv10"], None),
        (["conv1", "fc"], "conv1, fc"),
        (["fc", "layer1.conv", "layer2.conv", "layer10.conv"], "fc, layer1.conv, layer2.conv, layer10.conv"),
    ],
)
def test_an_order_of_layers_that_follows_from_the_alphabet_is_told_once(layers, told, tmp_path):
    put(tmp_path, *(f"net/mine/seed{seed}/{layer}.npy" for seed in range(3) for layer in layers))
    overlay = {"activations_dir": str(tmp_path)}
    expected = [
        f"net: without layers.csv, the order of its layers is that of their names: {told}. List them in layers.csv if "
        "their depth differs."
    ]
    assert about(**overlay) == (expected if told else [])
    (tmp_path / "layers.csv").write_text("layer\n" + "\n".join(layers) + "\n")
    assert about(**overlay) == []


def test_conditions_that_a_comparison_names_and_no_network_has_are_told(tmp_path):
    told = notices(study(**own_networks(tmp_path), condition_pairs=[["baseline", "mine"]]))
    assert told == ["Left out of condition_pairs[0], because these conditions have no networks: mine."]


def test_images_that_are_not_prepared_as_for_default_weights_are_told():
    networks = [{"architecture": "resnet18", "weights": "default"}, {"architecture": "all_cnn_c"}]
    told = (
        "resnet18: the default weights were trained on images of a fixed preprocessing, and this study fits its own "
        "(gcn); data.preprocessing: imagenet or timm prepares them alike."
    )
    assert told in about(networks=networks)
    fixed = {"preprocessing": "imagenet"}
    assert not any("default weights" in sentence for sentence in about(networks=networks, data=fixed))


@pytest.mark.parametrize(
    ("known", "learned", "told"),
    [
        ([0, 1], [2, 3], None),
        ([0, 1, 2], [2, 1, 5], "2, 1"),
        (None, [2, 3], "2, 3"),
        ([0, 1], None, "0, 1"),
        (None, None, "all"),
    ],
)
def test_categories_that_the_sources_of_a_transfer_know_are_told(known, learned, told):
    conditions = [{"name": "first", "categories": known}, {"name": "second", "categories": learned}]
    transfer = {"source": "first", "target": "second"}
    expected = [f"The sources of transfer, first, already know categories of its target, second: {told}."]
    assert about(conditions=conditions, transfer=transfer) == (expected if told else [])
    assert about(conditions=conditions, transfer=transfer | {"target": {"root": "images"}}) == []
