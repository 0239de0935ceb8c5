//! Office files whose every element was written by hand.

use super::fixtures::{archive, docx, open_document, paragraph, pptx, xlsx};
use super::{ExtractError, FindingKind, blocks, inside, noticed};

#[test]
fn a_text_document_keeps_headings_lists_and_tables() {
    let body = [
        paragraph("Titel1", "Grundversorgung"),
        paragraph("Eigen", "Auch eine Überschrift"),
        "<w:p><w:r><w:t>Der </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>Preis</w:t><w:tab/><w:t>gilt</w:t></w:r>\
         <w:del><w:r><w:delText>nie</w:delText></w:r></w:del><w:ins><w:r><w:t> immer</w:t></w:r></w:ins></w:p>".into(),
        "<w:p><w:pPr><w:numPr><w:numId w:val='3'/></w:numPr></w:pPr><w:r><w:t>Netz</w:t></w:r></w:p>".into(),
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Stufe</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Rp.</w:t></w:r></w:p></w:tc></w:tr>\
         <w:tr><w:tc><w:tcPr><w:gridSpan w:val='1'/></w:tcPr><w:p><w:r><w:t>Hoch</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>21,5</w:t></w:r></w:p></w:tc></w:tr></w:tbl>".into(),
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>unsichtbar</w:t></w:r><w:r><w:rPr><w:color w:val='FFFFFF'/></w:rPr><w:t>weiss</w:t></w:r>\
         <w:r><w:rPr><w:sz w:val='1'/></w:rPr><w:t>winzig</w:t></w:r></w:p>".into(),
        paragraph("Weg", "durch die Vorlage verborgen"),
        "<w:p><w:pPr><w:shd w:fill='003366'/></w:pPr><w:r><w:rPr><w:color w:val='FFFFFF'/></w:rPr><w:t>weiss auf blau</w:t></w:r></w:p>".into(),
    ];
    let rels = "<Relationships><Relationship Id='a' Type='x/attachedTemplate' TargetMode='External' Target='http://x.example/t'/>\
                <Relationship Id='b' Type='x/hyperlink' TargetMode='External' Target='http://x.example/'/></Relationships>";
    let core = "<c:coreProperties xmlns:c='c' xmlns:dc='d'><dc:title>Vertrag</dc:title></c:coreProperties>";
    let file = docx(
        &body.concat(),
        &[
            ("word/_rels/document.xml.rels", rels.as_bytes()),
            ("docProps/core.xml", core.as_bytes()),
        ],
    );
    // A wrong name does not matter.
    let extracted = inside(&file, "pdf").unwrap();
    assert_eq!(
        blocks(&extracted),
        [
            "h1 Grundversorgung",
            "h1 Auch eine Überschrift",
            "p Der Preis gilt immer",
            "l Netz",
            "th Stufe | Rp.",
            "tr Hoch | 21,5",
            "p weiss auf blau",
        ]
    );
    assert_eq!(extracted.title.as_deref(), Some("Vertrag"));
    assert_eq!(noticed(&extracted, FindingKind::HiddenText), 4);
    assert_eq!(noticed(&extracted, FindingKind::ActiveContent), 1);
}

#[test]
fn a_workbook_keeps_sheets_and_rows() {
    let text = |place: &str, text: &str| {
        format!("<c r='{place}' t='inlineStr'><is><t>{text}</t></is></c>")
    };
    let rows = [
        format!("<row r='1'>{}</row>", text("A1", "Preisblatt 2026")),
        format!(
            "<row r='3'>{}{}{}</row>",
            text("A3", "Stufe"),
            text("B3", "Rp./kWh"),
            text("C3", "ab")
        ),
        format!(
            "<row r='4'>{}<c r='B4'><v>21.499999999999996</v></c><c r='C4' s='1'><v>46023</v></c></row>",
            text("A4", "Hoch")
        ),
    ];
    let extracted = inside(&xlsx(&rows.concat()), "xlsx").unwrap();
    // 46023 days after 1899-12-30.
    assert_eq!(
        blocks(&extracted),
        [
            "h1 Tarife",
            "p Preisblatt 2026",
            "th Stufe | Rp./kWh | ab",
            "tr Hoch | 21.5 | 2026-01-01"
        ]
    );
    assert_eq!(noticed(&extracted, FindingKind::HiddenText), 1, "the hidden sheet");
}

#[test]
fn slides_are_pages() {
    let shape = |placeholder: &str, text: &str| {
        format!(
            "<p:sp><p:nvSpPr><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )
    };
    let first = shape("<p:ph type='title'/>", "Strompreise")
        + &shape("<p:ph idx='1'/>", "steigen")
        + &shape("<p:ph type='sldNum'/>", "1");
    let table = "<p:graphicFrame><a:tbl><a:tr><a:tc><a:p><a:r><a:t>Jahr</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>Rp.</a:t></a:r></a:p></a:tc></a:tr>\
                 <a:tr><a:tc><a:p><a:r><a:t>2026</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>27</a:t></a:r></a:p></a:tc></a:tr></a:tbl></p:graphicFrame>";
    let extracted = inside(&pptx(&[&first, table, &shape("", "verborgen")], 2), "").unwrap();
    assert_eq!(
        blocks(&extracted),
        ["h1 Strompreise", "l steigen", "th Jahr | Rp.", "tr 2026 | 27"]
    );
    let numbers: Vec<u32> = extracted.canonical.pages.iter().map(|page| page.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(noticed(&extracted, FindingKind::HiddenText), 1);
}

#[test]
fn open_documents_of_three_kinds_are_read() {
    let styles =
        "<style:style style:name='T9'><style:text-properties text:display='none'/></style:style>";
    let body = "<text:h text:outline-level='2'>Netz</text:h><text:p>Der<text:s text:c='3'/>Preis<text:span text:style-name='T9'>geheim</text:span>\
                <text:tab/>gilt</text:p><text:list><text:list-item><text:p>Strom</text:p></text:list-item></text:list>\
                <text:tracked-changes><text:p>gestrichen</text:p></text:tracked-changes>";
    let extracted = inside(&open_document("text", styles, body), "odt").unwrap();
    assert_eq!(blocks(&extracted), ["h2 Netz", "p Der Preis gilt", "l Strom"]);
    assert_eq!(noticed(&extracted, FindingKind::HiddenText), 1);

    let cell = |text: &str| format!("<table:table-cell><text:p>{text}</text:p></table:table-cell>");
    let body = format!(
        "<table:table table:name='Blatt'><table:table-row>{}{}</table:table-row><table:table-row>{}{}\
         <table:table-cell table:number-columns-repeated='16000'/></table:table-row>\
         <table:table-row table:number-rows-repeated='1048576'><table:table-cell/></table:table-row></table:table>",
        cell("Jahr"),
        cell("Rp."),
        cell("2026"),
        cell("27"),
    );
    let extracted = inside(&open_document("spreadsheet", "", &body), "ods").unwrap();
    assert_eq!(blocks(&extracted), ["h1 Blatt", "th Jahr | Rp.", "tr 2026 | 27"]);

    let body = "<draw:page><draw:frame presentation:class='title'><draw:text-box><text:p>Titel</text:p></draw:text-box></draw:frame></draw:page>\
                <draw:page><draw:frame><draw:text-box><text:p>Zwei</text:p></draw:text-box></draw:frame></draw:page>";
    let extracted = inside(&open_document("presentation", "", body), "odp").unwrap();
    assert_eq!(blocks(&extracted), ["h1 Titel", "p Zwei"]);
    assert_eq!(extracted.canonical.pages.len(), 2);
}

#[test]
fn archives_that_are_no_documents_are_not_opened() {
    let inner = archive(&[("geheim.txt", b"x")]);
    assert!(matches!(
        inside(&archive(&[("a.zip", &inner)]), "zip"),
        Err(ExtractError::Unsupported { .. })
    ));
    let old: Vec<u8> = [
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(),
        &[0; 64],
        b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0",
    ]
    .concat();
    let Err(ExtractError::Unsupported { form }) = inside(&old, "doc") else { panic!("{old:?}") };
    assert!(form.contains("DOCX"), "{form}");
    let locked: Vec<u8> = [
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(),
        &[0; 64],
        &"EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    ]
    .concat();
    assert_eq!(inside(&locked, "docx"), Err(ExtractError::Encrypted));
}
