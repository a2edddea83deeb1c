"""Outline models as files: damage and what may not be run are refused before anything runs."""

from __future__ import annotations

import json

import made_up_network as made_up
import pytest
from MammoRadiomicsLib import container, network_file
from MammoRadiomicsLib.errors import ModelFileError
from MammoRadiomicsLib.proposal import Segmenter, load


def refusal(network: bytes, **manifest: object) -> str:
    with pytest.raises(ModelFileError) as refused:
        network_file.unpacked(network_file.packed(made_up.MANIFEST | manifest, network), "m.mammosegmenter")
    return str(refused.value)


def test_a_file_holds_what_was_saved(tmp_path):
    path = network_file.save(tmp_path / "m.mammosegmenter", made_up.MANIFEST, made_up.onnx())
    manifest, network = network_file.load(path)
    assert network == made_up.onnx()
    assert {key: manifest[key] for key in made_up.MANIFEST} == made_up.MANIFEST


def test_equal_models_are_equal_files():
    assert made_up.content() == made_up.content()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.999])
def test_refuses_a_file_that_was_cut_off(share):
    content = made_up.content()
    with pytest.raises(ModelFileError, match="damaged"):
        network_file.unpacked(content[: int(share * len(content))], "m")


def test_a_changed_byte_is_refused_or_changes_nothing():
    content = made_up.content()
    whole = network_file.unpacked(content, "m")
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        try:
            assert network_file.unpacked(bytes(damaged), "m") == whole
        except ModelFileError as error:
            assert str(error).startswith("The outline model m ")


def test_refuses_a_network_that_is_not_the_manifests():
    members = container.unpack(made_up.content())
    members["network.onnx"] = made_up.onnx(tensors=made_up.TENSORS[::-1])
    with pytest.raises(ModelFileError, match="hash"):
        network_file.unpacked(container.pack(members), "m")


def test_refuses_a_manifest_that_was_changed():
    members = container.unpack(made_up.content())
    manifest = json.loads(members["manifest.json"]) | {"purpose": "research"}
    members["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(ModelFileError, match="hash"):
        network_file.unpacked(container.pack(members), "m")


def test_refuses_another_format_by_its_number():
    members = container.unpack(made_up.content())
    manifest = json.loads(members["manifest.json"]) | {"format": 99}
    members["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(ModelFileError, match="format 99"):
        network_file.unpacked(container.pack(members), "m")


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(ModelFileError, match="no file"):
        network_file.load(tmp_path / "none.mammosegmenter")


@pytest.mark.parametrize(
    "values",
    [
        {"patch_mm": -1},
        {"pixels": 10_000},
        {"pixels": 64.0},
        {"least_confidence": "no"},
        {"card": 3},
        {"patch_mm": True},
    ],
)
def test_refuses_an_impossible_manifest(values):
    assert "manifest" in refusal(made_up.onnx(), **values)


@pytest.mark.parametrize("operation", ["If", "Loop", "Scan", "Tile", "Expand", "MadeUp"])
def test_refuses_operations_that_no_such_network_needs(operation):
    nodes = [*made_up.NODES, made_up.node(operation, ["patch"], "other")]
    assert operation in refusal(made_up.onnx(nodes))


def test_refuses_operations_of_others():
    nodes = [made_up.node("Add", ["patch", "patch"], "other", domain="com.example"), *made_up.NODES]
    assert "'Add'" in refusal(made_up.onnx(nodes))


def test_refuses_another_set_of_operations():
    assert "another version" in refusal(made_up.onnx(opset=99))


@pytest.mark.parametrize("extra", [made_up.field(13, made_up.field(1, "location")), made_up.field(14, 1)])
def test_refuses_weights_in_another_file(extra):
    tensors = [made_up.tensor("weights", [1, 2, 3, 3], [0.0] * 18, extra), *made_up.TENSORS[1:]]
    assert "another file" in refusal(made_up.onnx(tensors=tensors))


def test_refuses_functions_of_the_files_own():
    assert "functions" in refusal(made_up.onnx(extra=made_up.field(25, made_up.field(1, "f"))))


def test_refuses_a_patch_of_another_size():
    assert "inputs or outputs" in refusal(made_up.onnx(side=32))


def test_refuses_a_network_that_is_too_long():
    assert "too long" in refusal(made_up.onnx(made_up.NODES * 1000))


@pytest.mark.parametrize("network", [b"", b"no network", b"\xff" * 100, made_up.onnx()[:-20]])
def test_refuses_what_is_no_network(network):
    assert "its network" in refusal(network)


def test_refuses_what_onnx_runtime_cannot_run():
    nodes = [made_up.node("Conv", ["patch", "bias"], "probability")]
    with pytest.raises(ModelFileError, match="cannot be run"):
        Segmenter(made_up.MANIFEST, made_up.onnx(nodes), "m")


def test_refuses_a_network_that_answers_otherwise_than_it_did(tmp_path):
    path = network_file.save(tmp_path / "m", made_up.MANIFEST | {"reference": [0.5] * 64}, made_up.onnx())
    with pytest.raises(ModelFileError, match="reproduce"):
        load(path)
