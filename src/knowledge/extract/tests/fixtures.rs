//! Files built by hand, small enough to see what is in them.

use std::fmt::Write as _;
use std::io::Write as _;

use zip::write::SimpleFileOptions;

/// A line of text in Helvetica at a place, from the lower left corner.
pub fn line(x: u32, y: u32, size: f32, text: &str) -> String {
    format!("BT /F1 {size} Tf {x} {y} Td ({}) Tj ET\n", escaped(text))
}

/// Letters as `WinAnsi` codes.
fn escaped(text: &str) -> String {
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let mut escaped = String::new();
    for byte in bytes.iter() {
        match byte {
            b'(' | b')' | b'\\' => write!(escaped, "\\{}", char::from(*byte)).unwrap(),
            32..=126 => escaped.push(char::from(*byte)),
            _ => write!(escaped, "\\{byte:03o}").unwrap(),
        }
    }
    escaped
}

/// A PDF with objects of one's own; number 1 is the root.
pub fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut text = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(text.len());
        text.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let table = text.len();
    let mut end = format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1);
    for place in &places {
        writeln!(end, "{place:010} 00000 n ").unwrap();
    }
    write!(
        end,
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        places.len() + 1
    )
    .unwrap();
    text.extend_from_slice(end.as_bytes());
    text
}

/// A stream as an object.
pub fn stream(entries: &str, content: &str) -> String {
    format!("<< /Length {} {entries} >>\nstream\n{content}\nendstream", content.len())
}

/// A PDF of A4 pages with fonts F1 and F2 (bold), a picture Im and a state Clear without ink.
pub fn pdf(pages: &[String]) -> Vec<u8> {
    pdf_turned(pages, 0)
}

/// The same with pages that are turned when they are shown.
pub fn pdf_turned(pages: &[String], turn: u32) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|n| format!("{} 0 R", 6 + 2 * n)).collect();
    let font = |name: &str| {
        format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
    };
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")),
        font("Helvetica"),
        font("Helvetica-Bold"),
        stream(
            "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8",
            "x",
        ),
    ];
    for (n, content) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate {turn} /Contents {} 0 R /Resources \
             << /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /Im 5 0 R >> \
             /ExtGState << /Clear << /ca 0 >> >> >> >>",
            7 + 2 * n
        ));
        objects.push(stream("", content));
    }
    pdf_of(&objects)
}

/// An archive of parts.
pub fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const W: &str = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'";

/// A DOCX with this body, and further parts.
pub fn docx(body: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let document =
        format!("<?xml version='1.0'?><w:document {W}><w:body>{body}</w:body></w:document>");
    let styles = format!(
        "<w:styles {W}><w:style w:styleId='Titel1'><w:name w:val='heading 1'/></w:style>\
         <w:style w:styleId='Eigen'><w:name w:val='Eigen'/><w:basedOn w:val='Titel1'/></w:style>\
         <w:style w:styleId='Weg'><w:name w:val='Weg'/><w:rPr><w:vanish/></w:rPr></w:style></w:styles>"
    );
    let mut parts: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", document.as_bytes()),
        ("word/styles.xml", styles.as_bytes()),
    ];
    parts.extend_from_slice(more);
    archive(&parts)
}

/// A paragraph of a DOCX with a style.
pub fn paragraph(style: &str, text: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val='{style}'/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// An XLSX of one visible and one hidden sheet whose first one has these rows.
pub fn xlsx(rows: &str) -> Vec<u8> {
    let main = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'";
    let r = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let workbook = format!(
        "<?xml version='1.0'?><workbook {main} xmlns:r='{r}'><sheets><sheet name='Tarife' sheetId='1' r:id='r1'/>\
         <sheet name='Geheim' sheetId='2' state='hidden' r:id='r2'/></sheets></workbook>"
    );
    let sheet = |rows: &str| {
        format!("<?xml version='1.0'?><worksheet {main}><sheetData>{rows}</sheetData></worksheet>")
    };
    let relation = |id: u32| {
        format!("<Relationship Id='r{id}' Type='{r}/worksheet' Target='worksheets/sheet{id}.xml'/>")
    };
    let relations = format!(
        "<?xml version='1.0'?><Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>\
         {}{}<Relationship Id='r3' Type='{r}/styles' Target='styles.xml'/></Relationships>",
        relation(1),
        relation(2)
    );
    let styles = format!(
        "<styleSheet {main}><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/></cellXfs></styleSheet>"
    );
    let hidden = "<row r='1'><c r='A1' t='inlineStr'><is><t>geheim</t></is></c></row>";
    let root = format!(
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>\
         <Relationship Id='r1' Type='{r}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
    );
    archive(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/styles.xml", styles.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet(rows).as_bytes()),
        ("xl/worksheets/sheet2.xml", sheet(hidden).as_bytes()),
    ])
}

/// A PPTX of slides; those behind `hidden` are not shown.
pub fn pptx(slides: &[&str], hidden: usize) -> Vec<u8> {
    let names = "xmlns:p='p' xmlns:a='a' xmlns:r='r'";
    let (mut ids, mut relations) = (String::new(), String::new());
    for n in 0..slides.len() {
        write!(ids, "<p:sldId id='{}' r:id='rId{n}'/>", 256 + n).unwrap();
        let target = format!("slides/slide{n}.xml");
        write!(relations, "<Relationship Id='rId{n}' Type='x/slide' Target='{target}'/>").unwrap();
    }
    let presentation =
        format!("<p:presentation {names}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>");
    let relations = format!("<Relationships>{relations}</Relationships>");
    let texts: Vec<(String, String)> = slides
        .iter()
        .enumerate()
        .map(|(n, shapes)| {
            let show = if n >= hidden { "show='0'" } else { "" };
            (
                format!("ppt/slides/slide{n}.xml"),
                format!("<p:sld {names} {show}><p:spTree>{shapes}</p:spTree></p:sld>"),
            )
        })
        .collect();
    let mut parts: Vec<(&str, &[u8])> = vec![
        ("ppt/presentation.xml", presentation.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", relations.as_bytes()),
    ];
    parts.extend(texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())));
    archive(&parts)
}

/// An `OpenDocument` file of a kind: `text`, `spreadsheet`, `presentation`.
pub fn open_document(kind: &str, styles: &str, body: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content xmlns:office='o' xmlns:text='t' xmlns:table='b' xmlns:style='s' xmlns:fo='f' \
         xmlns:draw='d' xmlns:presentation='p'><office:automatic-styles>{styles}</office:automatic-styles>\
         <office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    );
    let media = format!("application/vnd.oasis.opendocument.{kind}");
    archive(&[("mimetype", media.as_bytes()), ("content.xml", content.as_bytes())])
}
