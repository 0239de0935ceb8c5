//! Tariffs that are known by name: who publishes them where, when, and how they may be asked for.
//!
//! All speak the form of the VSE. Facts as of autumn 2026, from the publishers' pages: publication «by» a
//! time is when it has happened as a rule. Another operator is an entry in [`OPERATORS`] or, without a new
//! program, one in the setting `tariffs.custom`.

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::model::{Kind, Tariff, TariffId};
use super::settings::{Custom, Settings};

/// Beginning of the identifiers of tariffs that settings describe.
pub(super) const CUSTOM: &str = "custom";
/// Beginning of the identifiers of tariffs that were read from a file.
pub(super) const FILE: &str = "file";

/// How a tariff is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where, without a query.
    pub url: String,
    /// Whether `url` is an address that an admin set: it may be at home.
    pub is_own_url: bool,
    /// Value of the parameter `tariff_name`; absent where the publisher has one tariff.
    pub tariff_name: Option<String>,
    /// Whether a range may be asked for; without, whatever is current comes.
    pub takes_range: bool,
    /// Local days that one request may cover.
    pub days_max: i64,
    /// Seconds between two requests in a row.
    pub pause_s: u64,
}

/// A tariff with the way to its prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The tariff.
    pub tariff: Tariff,
    /// How it is asked for.
    pub asked: Asked,
}

/// Who publishes tariffs, and how.
struct Operator {
    code: &'static str,
    name: &'static str,
    url: &'static str,
    attribution: &'static str,
    /// On Swiss clocks, on the day before delivery.
    publishes_at: (u32, u32),
    takes_range: bool,
    days_max: i64,
    pause_s: u64,
    tariffs: &'static [Entry],
}

/// One tariff of an operator.
struct Entry {
    name: &'static str,
    /// What the publisher calls it in requests.
    asked_as: Option<&'static str>,
    kind: Kind,
    has_integrated: bool,
    /// The tariff of the same operator that holds for a day without published prices.
    fallback: Option<&'static str>,
}

impl Entry {
    const fn dynamic(name: &'static str, asked_as: &'static str) -> Self {
        Self {
            name,
            asked_as: Some(asked_as),
            kind: Kind::Dynamic,
            has_integrated: true,
            fallback: None,
        }
    }
}

const OPERATORS: &[Operator] = &[
    Operator {
        code: "ekz",
        name: "EKZ",
        url: "https://api.tariffs.ekz.ch/v1/tariffs",
        attribution: "EKZ, api.tariffs.ekz.ch",
        publishes_at: (18, 0),
        takes_range: true,
        days_max: 31,
        pause_s: 2,
        // The grid of Einsiedeln has a standard tariff of its own, whose name is not published: a
        // missing day of 400D_E stays missing.
        tariffs: &[
            Entry { fallback: Some("400ST"), ..Entry::dynamic("400D", "integrated_400D") },
            Entry { kind: Kind::Standard, ..Entry::dynamic("400ST", "integrated_400ST") },
            Entry::dynamic("400F", "integrated_400F"),
            Entry::dynamic("400WP", "integrated_400WP"),
            Entry::dynamic("400L", "integrated_400L"),
            Entry::dynamic("400LS", "integrated_400LS"),
            Entry::dynamic("16L", "integrated_16L"),
            Entry::dynamic("16LS", "integrated_16LS"),
            Entry::dynamic("400D_E", "integrated_400D_E"),
        ],
    },
    // At most 31 days a request, four requests in about 1000 seconds.
    Operator {
        code: "ckw",
        name: "CKW",
        url: "https://e-ckw-public-data.de-c1.eu1.cloudhub.io/api/v1/netzinformationen/energie/dynamische-preise",
        attribution: "CKW, dynamische Preise",
        publishes_at: (12, 0),
        takes_range: true,
        days_max: 30,
        pause_s: 260,
        tariffs: &[
            Entry::dynamic("home_dynamic", "home_dynamic"),
            Entry::dynamic("business_dynamic", "business_dynamic"),
        ],
    },
    Operator {
        code: "groupe_e",
        name: "Groupe E",
        url: "https://api.tariffs.groupe-e.ch/v2/tariffs",
        attribution: "Groupe E, api.tariffs.groupe-e.ch",
        publishes_at: (15, 0),
        takes_range: true,
        days_max: 31,
        pause_s: 2,
        tariffs: &[Entry { asked_as: None, ..Entry::dynamic("Vario", "") }],
    },
    Operator {
        code: "primeo",
        name: "Primeo Energie",
        url: "https://tarife.primeo-energie.ch/api/v1/tariffs",
        attribution: "Primeo Energie, tarife.primeo-energie.ch",
        publishes_at: (18, 0),
        takes_range: true,
        days_max: 31,
        pause_s: 2,
        tariffs: &[
            Entry::dynamic("NetzDynamisch", "NetzDynamisch"),
            Entry::dynamic("NetzDynamischAVAG", "NetzDynamischAVAG"),
            Entry::dynamic("NetzDynamischELAG", "NetzDynamischELAG"),
        ],
    },
    // Refuses every parameter and answers with the day that is current; its floor is not in the price.
    Operator {
        code: "bkw",
        name: "BKW",
        url: "https://api.bkw.ch/api/dyntariffs/v1/tariffs",
        attribution: "BKW, api.bkw.ch",
        publishes_at: (18, 0),
        takes_range: false,
        days_max: 2,
        pause_s: 2,
        tariffs: &[Entry {
            name: "feed_in",
            asked_as: None,
            kind: Kind::FeedIn,
            has_integrated: false,
            fallback: None,
        }],
    },
];

/// Codes of all operators, as the setting `tariffs.urls` names them.
pub(super) fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|operator| operator.code)
}

/// Every tariff that can be fetched with these settings, those of the settings last.
pub(super) fn all(settings: &Settings) -> Vec<Preset> {
    let known = OPERATORS.iter().flat_map(|operator| {
        operator.tariffs.iter().filter_map(|entry| preset(operator, entry, settings))
    });
    known.chain(settings.custom.iter().filter_map(|one| custom(one, settings))).collect()
}

/// The tariff of an identifier, whatever the case of its letters.
pub(super) fn find(id: &TariffId, settings: &Settings) -> Option<Preset> {
    let same = |one: &Preset| one.tariff.id.as_str().eq_ignore_ascii_case(id.as_str());
    all(settings).into_iter().find(same)
}

fn preset(operator: &Operator, entry: &Entry, settings: &Settings) -> Option<Preset> {
    let Operator { code, name, .. } = operator;
    let id = |name: &str| TariffId::parse(&format!("{code}:{name}")).ok();
    let (hour, minute) = operator.publishes_at;
    let own_url = settings.urls.get(*code);
    Some(Preset {
        tariff: Tariff {
            id: id(entry.name)?,
            name: match entry.kind {
                Kind::FeedIn => format!("{name} feed-in"),
                _ => format!("{name} {}", entry.name),
            },
            operator: (*name).to_owned(),
            kind: entry.kind,
            time_zone: Tz::Europe__Zurich,
            vat_percent: settings.vat_percent,
            base_chf_month: None,
            publishes_at: NaiveTime::from_hms_opt(hour, minute, 0),
            has_integrated: entry.has_integrated,
            fallback: entry.fallback.and_then(id),
            attribution: operator.attribution.to_owned(),
        },
        asked: Asked {
            url: own_url.cloned().unwrap_or_else(|| operator.url.to_owned()),
            is_own_url: own_url.is_some(),
            tariff_name: entry.asked_as.map(str::to_owned),
            takes_range: operator.takes_range,
            days_max: operator.days_max,
            // Whoever set an address of their own knows what it stands.
            pause_s: if own_url.is_some() { 0 } else { operator.pause_s },
        },
    })
}

fn custom(custom: &Custom, settings: &Settings) -> Option<Preset> {
    let name = custom.name.clone().unwrap_or_else(|| custom.id.clone());
    Some(Preset {
        tariff: Tariff {
            id: TariffId::parse(&format!("{CUSTOM}:{}", custom.id)).ok()?,
            operator: custom.operator.clone().unwrap_or_else(|| name.clone()),
            name,
            kind: Kind::Dynamic,
            time_zone: Tz::Europe__Zurich,
            vat_percent: settings.vat_percent,
            base_chf_month: None,
            publishes_at: custom.publishes_at(),
            has_integrated: true,
            fallback: None,
            attribution: custom.attribution.clone().unwrap_or_else(|| custom.url.clone()),
        },
        asked: Asked {
            url: custom.url.clone(),
            is_own_url: true,
            tariff_name: custom.tariff_name.clone(),
            takes_range: true,
            days_max: custom.days_max.into(),
            pause_s: 2,
        },
    })
}
