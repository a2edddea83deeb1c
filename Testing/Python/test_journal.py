"""Results kept one by one: whole, or not there."""

import pytest
from MammoRadiomicsLib.errors import InputError
from MammoRadiomicsLib.journal import Journal

KEYS = [f"{i:064x}" for i in range(5)]


@pytest.fixture
def a_path(tmp_path):
    with Journal(tmp_path / "f.journal") as journal:
        for i, key in enumerate(KEYS):
            journal.append(key, {"number": i, "text": "é\n"})
    return tmp_path / "f.journal"


def found_in(path) -> dict[str, int]:
    with Journal(path) as journal:
        return {key: journal[key]["number"] for key in KEYS if key in journal}


def test_results_are_there_at_once_and_after_reopening(a_path):
    assert found_in(a_path) == {key: i for i, key in enumerate(KEYS)}
    with Journal(a_path) as journal:
        journal.append("more", [1.5])
        assert journal["more"] == [1.5]
        assert journal[KEYS[0]] == {"number": 0, "text": "é\n"}
        assert len(journal) == 6
        with pytest.raises(KeyError):
            journal["other"]


def test_a_file_cut_anywhere_holds_the_whole_lines_before_the_cut_and_goes_on(a_path):
    content = a_path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(len(content)):
        a_path.write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends) - 1
        assert found_in(a_path) == {key: i for i, key in enumerate(KEYS[: max(whole, 0)])}
        with Journal(a_path) as journal:
            journal.append(KEYS[4], {"number": 4})
        assert found_in(a_path)[KEYS[4]] == 4


def test_a_damaged_line_counts_as_not_there(a_path):
    content = bytearray(a_path.read_bytes())
    lines = content.split(b"\n")
    for place in range(len(lines[2])):
        damaged = list(lines)
        damaged[2] = lines[2][:place] + bytes([lines[2][place] ^ 1]) + lines[2][place + 1 :]
        a_path.write_bytes(b"\n".join(damaged))
        assert set(found_in(a_path)) == {KEYS[0], *KEYS[2:]}


def test_another_file_is_refused_and_untouched(tmp_path):
    (tmp_path / "f.journal").write_text("My diary\nToday\n")
    with pytest.raises(InputError, match="is no journal of this version"):
        Journal(tmp_path / "f.journal")
    assert (tmp_path / "f.journal").read_text() == "My diary\nToday\n"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "file" / "f.journal")


def test_a_full_disk_leaves_every_whole_line_and_no_other(a_path):
    resource = pytest.importorskip("resource")
    before = a_path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(a_path) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
        try:
            with pytest.raises(InputError, match="free some space and give the same command again"):
                journal.append("more", {"number": 7, "text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert a_path.read_bytes() == before
        journal.append("more", {"number": 7})
    assert a_path.stat().st_size > len(before)
    assert len(found_in(a_path)) == 5
