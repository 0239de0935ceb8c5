//! Published documents: sentences that stand on known pages, looked up with other programs.

use super::{FindingKind, blocks, inside, noticed};
use crate::knowledge::extract::model::Extracted;

fn document(name: &str) -> Option<Extracted> {
    let folder = std::env::var_os("LUNA_SHARED_DIR").map(std::path::PathBuf::from);
    let bytes = folder.and_then(|it| std::fs::read(it.join("data/docs").join(name)).ok());
    if bytes.is_none() {
        println!("skipped: {name} is not there");
    }
    let extension = name.rsplit('.').next().unwrap();
    bytes.map(|bytes| inside(&bytes, extension).unwrap())
}

/// Sentences with the page they stand on.
fn assert_stands(extracted: &Extracted, expected: &[(u32, &str)]) {
    for (page, sentence) in expected {
        let at = extracted.canonical.text.find(sentence).unwrap_or_else(|| panic!("{sentence}"));
        assert_eq!(extracted.canonical.page_of(at), *page, "{sentence}");
    }
}

#[test]
fn sentences_of_printed_documents_are_whole() {
    if let Some(found) = document("de_BFE_WASTA_Erlaeuterungen_Zentralenblatt.pdf") {
        assert_stands(
            &found,
            &[
                (
                    1,
                    "Ist dies nicht der Fall, so werden sämtliche Zentralen einer Wasserkraftanlage separat in der Statistik aufgeführt.",
                ),
                (
                    2,
                    "dass das betreffende Speichervermögen mindestens 25% der mittleren Produktionserwartung der Wasserkraftanlage im Winter beträgt.",
                ),
                (
                    3,
                    "die von der Zentrale während mindestens einer Stunde abgegeben werden kann (ohne Hilfsbetriebe).",
                ),
                (
                    4,
                    "Durch die Eigentumsgarantie geschützes althergebrachtes privates Nutzungsrecht an einer öffentlichen Sache",
                ),
            ],
        );
        assert_eq!(
            found.title.as_deref(),
            Some("Statistik der Wasserkraftanlagen der Schweiz (WASTA)")
        );
    }
    if let Some(found) = document("en_MeteoSwiss_ProdDoc_RADIATION.pdf") {
        // The file declares «Annual Quality Assessment report 2012», and is a user manual.
        assert_eq!(found.title, None);
    }
    if let Some(found) = document("fr_OFEN_SAHE_Commentaire_statistique_des_centrales.pdf") {
        assert_stands(
            &found,
            &[(2, "n’utilisent que l’eau préalablement pompée dans le bassin d’accumulation.")],
        );
    }
}

#[test]
fn a_wide_table_on_a_turned_page_keeps_its_cells() {
    let Some(found) = document("de_BFE_WASTA_in_Betrieb_gesetzte_Zentralen_2019.pdf") else {
        return;
    };
    let rows = blocks(&found);
    let row = rows.iter().find(|row| row.contains("Nant de Drance")).unwrap();
    let cells: Vec<&str> = row.split(" | ").collect();
    assert_eq!(
        cells[..9],
        ["tr 506'850", "32", "VS", "Nant de Drance", "Im Bau", "Neubau", "2008", "2020", "900.00"]
    );
    let header = rows.iter().find(|row| row.starts_with("th ")).unwrap();
    let header: Vec<&str> = header.split(" | ").collect();
    assert_eq!(header.len(), cells.len());
    assert_eq!(header[8], "Δ P Turbine [MW] Zubau");
}

#[test]
fn a_manual_of_thirty_pages_loses_its_heads_and_keeps_its_chapters() {
    let Some(found) = document("en_MeteoSwiss_ProdDoc_RADIATION.pdf") else { return };
    assert_eq!(found.canonical.pages.len(), 30);
    assert!(noticed(&found, FindingKind::RepeatedLines) > 100);
    assert!(!found.canonical.text.contains("MeteoSwiss/PUM/MET/SWISSRAD"));
    let rows = blocks(&found);
    for heading in
        ["h1 1 Product Description", "h2 1.3 Validation", "h2 1.4 Recommended Application"]
    {
        assert!(rows.iter().any(|row| row == heading), "{heading}");
    }
    assert!(rows.iter().any(|row| row == "tr SIS (ch02) | 0.998 | 4.52 W/m² | -0.40 W/m²"));
    assert!(
        !rows.iter().any(|row| {
            row.starts_with("p ") && row[2..].parse().is_ok_and(|number| (1..=30).contains(&number))
        }),
        "numbers of pages"
    );
}

#[test]
fn laws_and_guides_keep_their_headings() {
    if let Some(found) = document("ch_StromVG_SR_734.7_de.txt") {
        let rows = blocks(&found);
        for heading in [
            "h1 1. Kapitel: Allgemeine Bestimmungen",
            "h3 Art. 5 Netzgebiete und Anschlussgarantie",
            "h2 1. Abschnitt: Gewährleistung der Grundversorgung",
        ] {
            assert!(rows.iter().any(|row| row == heading), "{heading}");
        }
        // As many as there are lines that begin so.
        let articles = rows.iter().filter(|row| row.starts_with("h3 Art. ")).count();
        assert_eq!(articles, 47);
    }
    if let Some(found) = document("en_EU_CBAM_Regulation_2023_956.txt") {
        assert!(blocks(&found).iter().any(|row| row == "h3 Article 2 Scope"));
    }
    if let Some(found) = document("de_MsbG.md") {
        assert!(blocks(&found).iter().any(|row| row == "h1 § 1 – Zweck und Anwendungsbereich"));
        assert!(found.title.unwrap().contains("Messstellenbetriebsgesetz"));
    }
    if let Some(found) = document("de_MeteoSchweiz_opendata_a1-automatische-wetterstationen.md") {
        assert_eq!(found.title.as_deref(), Some("Automatische Wetterstationen"));
        assert!(blocks(&found).iter().any(|row| row == "h2 Daten herunterladen"));
    }
    if let Some(found) = document("de_StromGVV.docx") {
        assert!(
            blocks(&found)[0]
                .starts_with("h1 Verordnung über Allgemeine Bedingungen für die Grundversorgung")
        );
    }
}
