"""Policies by name and a user's own: what they hold, what they never do, and what is refused with which words."""

import json

import numpy as np
import pytest
import yaml

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.named_policies import (
    named_policy,
    policy_from,
    POLICY_NAMES,
    read_policy,
    single_transforms,
)
from components.modeling.augmentation.policy_transforms import COMPOSITIONS, transform_names
from components.modeling.augmentation.quiet_albumentations import albumentations
from components.shared.runtime.errors import ContractError

MINE = """
name: mine
transforms:
  - HorizontalFlip: {p: 0.5}
  - Affine: {rotate: [-10, 10], p: 0.8}
  - OneOf:
      p: 0.5
      transforms:
        - GaussianBlur
        - GaussNoise: {std_range: [0.05, 0.1]}
"""


def leaf_names(policy):
    return [name for name, _ in single_transforms(policy)]


@pytest.mark.parametrize("name", ["light", "standard"])
def test_the_gentle_policies_never_mirror_or_upend_a_picture(name):
    corner = np.zeros((32, 32, 3), np.uint8)
    corner[2:12, 2:12] = 255
    augmenter = Augmenter(named_policy(name))
    for seed in range(60):
        grey = augmenter(corner, seed=seed).mean(axis=2)
        quarters = {"top left": grey[:16, :16], "top right": grey[:16, 16:], "below": grey[16:]}
        assert max(quarters, key=lambda name: quarters[name].mean()) == "top left"


def test_heavier_policies_change_pictures_more(stripes):
    picture = stripes(0, 0, 48).astype(int)
    changes = []
    for name in ("light", "standard", "heavy"):
        augmenter = Augmenter(named_policy(name))
        pictures = [augmenter(picture.astype(np.uint8), seed=seed) for seed in range(60)]
        changes.append(np.mean([np.abs(changed - picture).mean() for changed in pictures]))
    assert changes == sorted(changes)
    assert changes[0] < 0.7 * changes[2]


def test_the_named_policies_keep_every_size_and_pass_their_own_reading():
    assert POLICY_NAMES == ("none", "light", "standard", "heavy")
    assert named_policy("none") is None
    for name in POLICY_NAMES[1:]:
        assert policy_from(named_policy(name)) == named_policy(name)
        assert policy_from(name) == named_policy(name)


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"one of none, light, standard, heavy, got 'strong'"):
        named_policy("strong")


def test_a_users_policy_is_what_albumentations_would_have_written():
    policy = read_policy(yaml.safe_load(MINE))
    assert policy["name"] == "mine"
    assert leaf_names(policy) == ["HorizontalFlip", "Affine", "GaussianBlur", "GaussNoise"]
    built = albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=0.5),
            albumentations.Affine(rotate=(-10, 10), p=0.8),
            albumentations.OneOf(
                [albumentations.GaussianBlur(), albumentations.GaussNoise(std_range=(0.05, 0.1))], p=0.5
            ),
        ]
    )
    written = read_policy(json.loads(json.dumps(albumentations.to_dict(built))))
    assert written["transform"] == policy["transform"]
    assert written["version"] == policy["version"]


def test_the_version_follows_from_the_transforms_alone():
    mine, renamed = read_policy(yaml.safe_load(MINE)), read_policy({**yaml.safe_load(MINE), "name": "other"})
    changed = read_policy(yaml.safe_load(MINE.replace("0.8", "0.7")))
    assert mine["version"] == renamed["version"] != changed["version"]


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_a_file_is_read_and_gives_its_name_where_it_says_none(tmp_path, suffix):
    file = tmp_path / f"brighter{suffix}"
    file.write_text(json.dumps([{"RandomGamma": {"p": 1.0}}, "HorizontalFlip"]))
    policy = policy_from(str(file))
    assert policy["name"] == "brighter"
    assert leaf_names(policy) == ["RandomGamma", "HorizontalFlip"]
    assert policy_from(f"file://{file}") == policy


def test_none_and_nothing_are_no_policy():
    assert policy_from("none") is None
    assert policy_from(None) is None


def test_a_fixed_size_is_taken_where_it_is_the_images(stripes):
    content = [{"RandomResizedCrop": {"size": [24, 24], "scale": [0.5, 1.0]}}]
    policy = read_policy(content, image_size=24)
    assert Augmenter(policy)(stripes(0, 0, 24), seed=0).shape == (24, 24, 3)
    with pytest.raises(
        ContractError, match=r"RandomResizedCrop .*32 x 32, but returns 24 x 24: set size \(now \[24, 24"
    ):
        read_policy(content, image_size=32)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in transform_names()
        # Those that need settings, change size or type, or take seconds.
        if name not in COMPOSITIONS
        and name not in ("CenterCrop", "Crop", "CropAndPad", "FromFloat", "GridElasticDeform", "LongestMaxSize")
        and name not in ("Normalize", "PadIfNeeded", "PiecewiseAffine", "RandomCrop", "RandomCropFromBorders")
        and name not in ("RandomResizedCrop", "RandomScale", "RandomSizedCrop", "Resize", "SmallestMaxSize")
        and name not in ("Superpixels", "TimeMasking", "ToFloat", "ToTensorV2")
    ],
)
def test_reading_what_was_written_changes_nothing(name):
    policy = read_policy([{name: {"p": 1.0}}], image_size=32)
    assert read_policy(policy, image_size=32) == policy
    kept = policy["transform"]["transforms"][0]
    assert kept["__class_fullname__"] == name
    assert kept["p"] == 1.0


def test_a_parameter_that_albumentations_forgets_to_write_is_kept(stripes):
    policy = read_policy([{"ShiftScaleRotate": {"shift_limit": 0.4, "scale_limit": 0, "rotate_limit": 0, "p": 1.0}}])
    moved = [Augmenter(policy)(stripes(0, 0, 48), seed=seed) for seed in range(20)]
    assert any((picture == 0).mean() > 0.2 for picture in moved)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        ({"HorizontalFlop": {}}, ["no transform 'HorizontalFlop'", "did you mean HorizontalFlip"]),
        ({"horizontalflip": {}}, ["no transform 'horizontalflip'", "did you mean HorizontalFlip"]),
        ({"BasicTransform": {}}, ["no transform 'BasicTransform'"]),
        ({"os.system": {}}, ["no transform 'os.system'"]),
        ({"Affine": {"rotat": 3}}, ["the transform Affine has no parameter 'rotat'", "did you mean rotate", "shear"]),
        ({"HorizontalFlip": {"strict": True}}, ["the transform HorizontalFlip has no parameter 'strict'"]),
        ({"Affine": {"rotate": "far"}}, ["the parameter rotate of the transform Affine is 'far'", "valid number"]),
        ({"CoarseDropout": {"num_holes_range": [5, 2]}}, ["parameter num_holes_range of the transform CoarseDropout"]),
        ({"Affine": {"border_mode": 77}}, ["parameter border_mode of the transform Affine is 77"]),
        ({"RandomResizedCrop": {}}, ["the transform RandomResizedCrop needs the parameter size"]),
        ({"Affine": {"translate_px": 1, "translate_percent": 0.1}}, ["parameters of the transform Affine", "either"]),
        ({"RandomRotate90": {"p": -1}}, ["parameter p of the transform RandomRotate90", "from 0 to 1, got -1"]),
        ({"HorizontalFlip": {"p": True}}, ["parameter p of the transform HorizontalFlip", "got True"]),
        ({"Blur": {"blur_limit": float("nan")}}, ["parameter blur_limit of the transform Blur must be JSON", "nan"]),
        ({"Blur": {"blur_limit": {1, 2}}}, ["parameter blur_limit of the transform Blur must be JSON"]),
        ({"OneOf": {"p": 2, "transforms": ["Blur"]}}, ["parameter p of the transform OneOf", "from 0 to 1, got 2"]),
        ({"OneOf": {"q": 1, "transforms": ["Blur"]}}, ["the transform OneOf has no parameter 'q'"]),
        ({"OneOf": {"transforms": []}}, ["the transform OneOf must hold one transform at least"]),
        (
            {"OneOf": {"transforms": [{"Sequential": {"transforms": [{"Blur": {"x": 1}}]}}]}},
            ["Blur has no parameter 'x'"],
        ),
        ({"Blur": {"transforms": ["HorizontalFlip"]}}, ["the transform Blur holds no others", "OneOf"]),
        (
            {"Resize": {"height": 64, "width": 48}},
            ["Resize must", "32 x 32, but returns 64 x 48", "height (now 64)", "width"],
        ),
        ({"RandomCropFromBorders": {}}, ["RandomCropFromBorders must", "set crop_left (now 0.1)"]),
        ({"Affine": {"fit_output": True, "rotate": 30}}, ["Affine must", "set fit_output (now True)"]),
        ({"OneOf": {"transforms": [{"RandomScale": {"scale_limit": 0.5}}]}}, ["RandomScale must", "set scale_limit"]),
        ({"ToGray": {"num_output_channels": 1}}, ["ToGray must", "num_output_channels (now 1)"]),
        ({"Normalize": {}}, ["the transform Normalize must return uint8 pixels, but returns float32"]),
        ({"ToTensorV2": {}}, ["the transform ToTensorV2 must return uint8 pixels, but returns torch.uint8"]),
        ({"Crop": {}}, ["the transform Crop cannot be applied to an image of 32 x 32"]),
        ({"Lambda": {}}, ["cannot hold the transform Lambda: it runs code"]),
        ({"TextImage": {"font_path": "/etc/passwd"}}, ["cannot hold the transform TextImage: it needs font files"]),
        ({"FDA": {}}, ["cannot hold the transform FDA: it needs other images"]),
        ({"MaskDropout": {}}, ["cannot hold the transform MaskDropout: it needs masks"]),
        ({"RandomCropNearBBox": {}}, ["cannot hold the transform RandomCropNearBBox: it needs bounding boxes"]),
        ({"CenterCrop3D": {}}, ["cannot hold the transform CenterCrop3D: it needs volumes"]),
        ({"Blur": {}, "HorizontalFlip": {}}, ["a transform must be a name, or one name with its parameters"]),
        ({"Blur": 3}, ["the parameters of Blur must be a mapping"]),
    ],
)
def test_what_is_wrong_is_named(transform, words):
    with pytest.raises(ContractError) as caught:
        read_policy([transform])
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "the policy must hold one transform at least, got none"),
        ({"name": "mine"}, "the policy must hold a list of transforms such as"),
        ({"transform": "HorizontalFlip", "pp": 1}, "keys must be name and transforms, got 'pp'"),
        ({"transfroms": ["Blur"]}, "keys must be name and transforms, got 'transfroms'"),
        ({"name": "standard", "transforms": ["Blur"]}, "must not be called 'standard'"),
        ({"name": "../up", "transforms": ["Blur"]}, "a policy's name must be letters"),
        (7, "the policy must hold a list of transforms"),
        (
            {"transform": {"__class_fullname__": "Compose", "transforms": ["Blur"], "bbox_params": {"format": "yolo"}}},
            "the parameter bbox_params of Compose must be left out",
        ),
    ],
)
def test_what_is_no_policy_is_refused(content, words):
    with pytest.raises(ContractError, match=words):
        read_policy(content)


def test_compositions_without_end_are_refused():
    nested = ["Blur"]
    for _ in range(2000):
        nested = [{"Sequential": {"transforms": nested}}]
    with pytest.raises(ContractError, match="at most 8 deep"):
        read_policy(nested)


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"one of none, light, standard, heavy, or a file that ends in .yaml"):
        policy_from("stadard")
    with pytest.raises(ValueError, match=r"absent\.yaml must be a file that can be read"):
        policy_from(str(tmp_path / "absent.yaml"))
    broken = tmp_path / "broken.yaml"
    broken.write_text("transforms: [{")
    with pytest.raises(ContractError, match=r"broken\.yaml must be YAML or JSON"):
        policy_from(str(broken))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("- Blurr")
    with pytest.raises(ContractError, match=r"wrong\.yaml: albumentations has no transform 'Blurr'"):
        policy_from(str(wrong))


def test_yaml_that_would_build_objects_is_refused(tmp_path):
    file = tmp_path / "code.yaml"
    file.write_text("- !!python/object/apply:os.system ['true']")
    with pytest.raises(ContractError, match=r"code\.yaml: a tag must be left out"):
        policy_from(str(file))


def test_each_transform_alone_is_always_applied(stripes):
    policy = read_policy([{"OneOf": {"p": 0.1, "transforms": ["InvertImg", {"Blur": {"p": 0.2}}]}}])
    alone = single_transforms(policy)
    assert [name for name, _ in alone] == ["InvertImg", "Blur"]
    for seed in range(10):
        np.testing.assert_array_equal(Augmenter(alone[0][1])(stripes(0, 0, 24), seed=seed), 255 - stripes(0, 0, 24))
