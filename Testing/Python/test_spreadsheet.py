"""Tables as strangers save them: read rightly, or refused in one sentence."""

import random
import time
import zipfile

import pytest
from MammoRadiomicsLib import cohort_check, spreadsheet, tables
from MammoRadiomicsLib.errors import InputError

ROWS = [
    {"patient_id": "Müller-1", "image": "Bilder mit Größe/a b.png", "pixel_spacing_mm": "0.07", "slnm": "1"},
    {"patient_id": "王-2", "image": "b.png", "pixel_spacing_mm": "0.1", "slnm": ""},
]


def as_csv(delimiter: str = ",", decimal: str = ".") -> str:
    lines = [delimiter.join(ROWS[0])]
    for row in ROWS:
        cells = row | {"pixel_spacing_mm": row["pixel_spacing_mm"].replace(".", decimal)}
        lines.append(delimiter.join(cells.values()))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ",")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_usual_delimiter_and_unicode_encoding_gives_the_same_rows(tmp_path, encoding, delimiter, decimal, end):
    path = tmp_path / "Tabelle mit Größe.csv"
    path.write_bytes(as_csv(delimiter, decimal).replace("\n", end).encode(encoding))
    assert tables.read_rows(path) == ROWS


def test_a_line_that_names_the_delimiter_is_followed(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\n" + as_csv(";", ","), encoding="utf-8")
    assert tables.read_rows(tmp_path / "t.csv") == ROWS


def test_decimal_commas_are_replaced_in_columns_of_numbers_only(tmp_path):
    (tmp_path / "t.csv").write_text("patient_id;age;lesions\nP1;61,5;1,2\nP2;70;1 and 3,4\n", encoding="utf-8")
    rows = tables.read_rows(tmp_path / "t.csv")
    assert [row["age"] for row in rows] == ["61.5", "70"]
    assert [row["lesions"] for row in rows] == ["1,2", "1 and 3,4"]


def test_blank_lines_quoted_newlines_and_empty_tails_are_no_trouble(tmp_path):
    text = '\n\npatient_id,note,,\n\nP1,"two\nlines, one cell",,\n,,,\n  \nP2,x\n\n'
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    rows, numbers = tables.read_numbered_rows(tmp_path / "t.csv")
    assert rows == [{"patient_id": "P1", "note": "two\nlines, one cell"}, {"patient_id": "P2", "note": "x"}]
    assert numbers == [5, 8]


def a_workbook(path, lines, formula=None):
    import openpyxl

    workbook = openpyxl.Workbook()
    for line in lines:
        workbook.active.append(line)
    if formula:
        workbook.active["A2"] = formula
    workbook.save(path)
    return path


def test_excel_gives_cells_as_a_person_would_type_them(tmp_path):
    import datetime

    lines = [["patient_id", "age", "spacing", "date", "slnm"], [], [1, 61.0, 0.07, datetime.date(2024, 5, 31), True]]
    path = a_workbook(tmp_path / "cohort.xlsx", lines)
    rows, numbers = tables.read_numbered_rows(path)
    assert rows == [{"patient_id": "1", "age": "61", "spacing": "0.07", "date": "2024-05-31", "slnm": "1"}]
    assert numbers == [3]


def test_an_excel_file_is_known_by_its_content(tmp_path):
    path = a_workbook(tmp_path / "cohort.csv", [["patient_id"], ["P1"]])
    assert tables.read_rows(path) == [{"patient_id": "P1"}]


def test_a_formula_counts_with_the_value_that_excel_stored(tmp_path):
    path = a_workbook(tmp_path / "t.xlsx", [["patient_id", "slnm"], ["x", 1]], formula='="P" & 1')
    with pytest.raises(InputError, match=r"Row 2 of t.xlsx has a formula whose value was never stored"):
        tables.read_rows(path)
    stored = tmp_path / "stored.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stored, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(b"</f><v />", b"</f><v>P1</v>").replace(b"</f><v/>", b"</f><v>P1</v>")
                data = data.replace(b'<c r="A2">', b'<c r="A2" t="str">')
            new.writestr(name, data)
    assert tables.read_rows(stored) == [{"patient_id": "P1", "slnm": "1"}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("patient_id\nMüller\n".encode("latin-1"), r"not UTF-8 text \(line 2\). Save it as"),
        (b"\xd0\xcf\x11\xe0rest", "in the old Excel format. Save it as .xlsx"),
        (b"PK\x03\x04rest", "no readable Excel file"),
        ("patient_id,a\nP1,b\n".encode("utf-16-le"), "not a text file"),
        (b"", "has no rows"),
        (b"\n\n,,\n", "has no rows"),
        (b"patient_id,,a\nP1,b,c\n", "Column 2 of t.csv has no name"),
        (b"patient_id,a,a\nP1,b,c\n", r"two columns of the same name \(a\)"),
        (b"patient_id,a\nP1\n", "Row 2 of t.csv has 1 cells, the header 2"),
        (b"patient_id,a\nP1,b,c\n", "Row 2 of t.csv has 3 cells, the header 2"),
        (b'patient_id,a\nP1,"' + b"x\n" * 20_000, "a quotation mark that is not closed"),
        (b'patient_id,a\nP1,"' + b"x\n" * 200_000, "not a CSV file"),
        (b",".join(b"c%d" % i for i in range(60_000)) + b"\nP1\n", "60000 columns"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, content, sentence):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=sentence) as refusal:
        tables.read_rows(tmp_path / "t.csv")
    assert len(str(refusal.value)) < 250


def test_a_missing_table_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            tables.read_rows(path)


def test_an_excel_file_that_would_unpack_to_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spreadsheet, "MOST_UNPACKED_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(2 << 20))
    with pytest.raises(InputError, match="unpacks to more than 1 MB"):
        tables.read_rows(tmp_path / "bomb.xlsx")


def test_thousands_of_rows_are_read_at_once(tmp_path):
    line = "P{},1,L,CC,A,images/{}.dcm,masks/{}.nrrd,1,0.07,0,low\n"
    text = "patient_id,lesion_id,laterality,view,reader,image,mask,label,pixel_spacing_mm,slnm,her2\n"
    (tmp_path / "t.csv").write_text(text + "".join(line.format(i, i, i) for i in range(5000)))
    start = time.process_time()
    assert len(tables.read_rows(tmp_path / "t.csv")) == 5000
    assert time.process_time() - start < 2


def test_mutated_tables_are_read_or_refused_and_never_crash(tmp_path):
    rng = random.Random(7)
    (tmp_path / "a.csv").write_text(as_csv(), encoding="utf-8")
    (tmp_path / "b.csv").write_bytes(as_csv(";", ",").encode("utf-16"))
    a_workbook(tmp_path / "c.xlsx", [list(ROWS[0]), *(list(row.values()) for row in ROWS)])
    sources = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    refused = 0
    for i in range(150):
        data = bytearray(sources[i % 3])
        for _ in range(rng.choice((1, 5, 30))):
            place = rng.randrange(len(data) + 1)
            data[place : place + rng.choice((0, 1, 20))] = rng.randbytes(rng.choice((0, 1, 3)))
        (tmp_path / "mutated").write_bytes(data)
        try:
            cohort_check.as_table(cohort_check.check(tables.read_rows(tmp_path / "mutated"), tmp_path))
        except InputError as error:
            assert len(str(error)) < 300
            refused += 1
    assert 10 < refused < 150
