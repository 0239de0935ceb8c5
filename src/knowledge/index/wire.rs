//! Requests to a Qdrant server, as they go over the wire.

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    Condition, CountPoints, CountPointsBuilder, CreateAlias, CreateAliasBuilder, CreateCollection,
    CreateCollectionBuilder, CreateFieldIndexCollection, CreateFieldIndexCollectionBuilder,
    DeletePoints, DeletePointsBuilder, Distance, FieldType, Filter as WireFilter, GetPoints,
    GetPointsBuilder, Modifier, NamedVectors, PointId, PointStruct, Query, QueryPoints,
    QueryPointsBuilder, RetrievedPoint, SearchParamsBuilder, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder, UpsertPoints, UpsertPointsBuilder, Vector, VectorInput,
    VectorParamsBuilder, VectorsConfigBuilder, point_id::PointIdOptions,
    vector_output::Vector as Output,
};
use serde_json::json;
use uuid::Uuid;

use super::model::{Collection, Filter, Hit, Point, SparseVector, collection_name};

/// Name of the dense vector.
pub(super) const DENSE: &str = "dense";
/// Name of the sparse vector.
pub(super) const WORDS: &str = "bm25";
/// The name that stands for the active version.
const ALIAS: &str = "chunks";
/// Fields that filters are about.
const FILTERED: [&str; 3] = ["item_id", "tags", "lang"];
/// Neighbours that a search looks at on its way.
const LOOKED_AT: u64 = 128;
/// Most bytes of one request: a server takes 32 MB, and a proxy before it often less.
const BYTES_MAX: usize = 8 << 20;
/// Most points of one request.
const POINTS_MAX: usize = 500;
/// Bytes of a point besides its vectors and names: identifiers, keys, lengths.
const FRAME_BYTES: usize = 300;

pub(super) fn create(collection: &Collection) -> CreateCollection {
    let mut words = SparseVectorsConfigBuilder::default();
    words.add_named_vector_params(
        WORDS,
        SparseVectorParamsBuilder::default().modifier(Modifier::Idf),
    );
    let request = CreateCollectionBuilder::new(collection_name(collection.version))
        .sparse_vectors_config(words)
        .on_disk_payload(true);
    match collection.dimension {
        Some(size) => {
            let mut dense = VectorsConfigBuilder::default();
            let params = VectorParamsBuilder::new(size as u64, Distance::Cosine);
            dense.add_named_vector_params(DENSE, params);
            request.vectors_config(dense).build()
        }
        None => request.build(),
    }
}

/// Indexes of the fields that filters are about; they are there before there is data.
pub(super) fn field_indexes(version: u32) -> Vec<CreateFieldIndexCollection> {
    let index = |field| {
        let name = collection_name(version);
        CreateFieldIndexCollectionBuilder::new(name, field, FieldType::Keyword).wait(true).build()
    };
    FILTERED.map(index).into()
}

/// Requests that store `points`, each of bearable size, in order.
pub(super) fn put(version: u32, points: Vec<Point>) -> Vec<UpsertPoints> {
    let (mut all, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    let request = |batch: Vec<PointStruct>| {
        UpsertPointsBuilder::new(collection_name(version), batch).wait(true).build()
    };
    for point in points {
        let size = size_of(&point);
        if !batch.is_empty() && (bytes + size > BYTES_MAX || batch.len() == POINTS_MAX) {
            all.push(request(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += size;
        batch.push(stored(point));
    }
    if !batch.is_empty() {
        all.push(request(batch));
    }
    all
}

fn size_of(point: &Point) -> usize {
    let numbers = point.dense.as_ref().map_or(0, Vec::len) + 3 * point.words.indices.len();
    let names = point.source.len() + point.tags.iter().map(String::len).sum::<usize>();
    4 * numbers + names + FRAME_BYTES
}

fn stored(point: Point) -> PointStruct {
    let SparseVector { indices, values } = point.words;
    let mut vectors =
        NamedVectors::default().add_vector(WORDS, Vector::new_sparse(indices, values));
    if let Some(dense) = point.dense {
        vectors = vectors.add_vector(DENSE, Vector::new_dense(dense));
    }
    let payload = json!({
        "item_id": point.item_id,
        "chunk_idx": point.chunk_idx,
        "ts": point.ts,
        "tags": point.tags,
        "source": point.source,
        "lang": point.lang,
    });
    let payload = Payload::try_from(payload).unwrap_or_default();
    PointStruct::new(point.chunk_id.to_string(), vectors, payload)
}

pub(super) fn remove_item(version: u32, item_id: Uuid) -> DeletePoints {
    let only = WireFilter::must([any("item_id", vec![item_id.to_string()])]);
    DeletePointsBuilder::new(collection_name(version)).points(only).wait(true).build()
}

/// What one of the lists is asked for with.
pub(super) enum Asked<'a> {
    /// By words.
    Words(&'a SparseVector),
    /// By meaning.
    Dense(&'a [f32]),
}

pub(super) fn query(version: u32, asked: &Asked<'_>, wanted: &Filter, limit: usize) -> QueryPoints {
    let (input, using) = match asked {
        Asked::Words(words) => {
            (VectorInput::new_sparse(words.indices.clone(), words.values.clone()), WORDS)
        }
        Asked::Dense(dense) => (VectorInput::new_dense(dense.to_vec()), DENSE),
    };
    let request = QueryPointsBuilder::new(collection_name(version))
        .query(Query::new_nearest(input))
        .using(using)
        .params(SearchParamsBuilder::default().hnsw_ef(LOOKED_AT))
        .limit(limit as u64)
        .with_payload(false)
        .with_vectors(false);
    match filter(wanted) {
        Some(filter) => request.filter(filter).build(),
        None => request.build(),
    }
}

pub(super) fn count(version: u32) -> CountPoints {
    CountPointsBuilder::new(collection_name(version)).exact(true).build()
}

/// What asks for the vectors of chunks, all of them: a version of words only refuses to look for a dense one.
pub(super) fn vectors(version: u32, chunk_ids: &[Uuid]) -> GetPoints {
    let ids: Vec<PointId> = chunk_ids.iter().map(|id| id.to_string().into()).collect();
    GetPointsBuilder::new(collection_name(version), ids)
        .with_payload(false)
        .with_vectors(true)
        .build()
}

/// A chunk with its dense vector; absent where it has none.
pub(super) fn vector(point: RetrievedPoint) -> Option<(Uuid, Vec<f32>)> {
    let id = hit(point.id, 0.0)?.chunk_id;
    match point.vectors?.get_vector_by_name(DENSE)? {
        Output::Dense(dense) => Some((id, dense.data)),
        _ => None,
    }
}

/// The alias moves in one step: a server replaces it.
pub(super) fn point_alias(version: u32) -> CreateAlias {
    CreateAliasBuilder::new(collection_name(version), ALIAS).build()
}

/// The filter as a server wants it; absent when nothing is wanted.
fn filter(wanted: &Filter) -> Option<WireFilter> {
    let ids = |items: &[Uuid]| items.iter().map(Uuid::to_string).collect::<Vec<_>>();
    let must = [
        ("item_id", ids(&wanted.items)),
        ("tags", wanted.tags.clone()),
        ("lang", wanted.languages.clone()),
    ];
    let must: Vec<Condition> = must
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(key, values)| any(key, values))
        .collect();
    let without = ids(&wanted.without_items);
    let must_not = if without.is_empty() { Vec::new() } else { vec![any("item_id", without)] };
    (!must.is_empty() || !must_not.is_empty()).then(|| WireFilter {
        must,
        must_not,
        ..WireFilter::default()
    })
}

/// A field that has one of these values.
fn any(key: &str, values: Vec<String>) -> Condition {
    Condition::matches(key, values)
}

/// A found point; absent when its identifier is none of ours.
pub(super) fn hit(id: Option<PointId>, score: f32) -> Option<Hit> {
    match id?.point_id_options? {
        PointIdOptions::Uuid(text) => Some(Hit { chunk_id: text.parse().ok()?, score }),
        PointIdOptions::Num(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use qdrant_client::qdrant::condition::ConditionOneOf;
    use qdrant_client::qdrant::r#match::MatchValue;
    use qdrant_client::qdrant::vectors_config::Config;

    use super::*;

    fn point(number: u128, dimension: usize) -> Point {
        Point {
            chunk_id: Uuid::from_u128(number),
            item_id: Uuid::from_u128(7),
            chunk_idx: 3,
            ts: DateTime::UNIX_EPOCH,
            tags: vec!["tariff".into()],
            source: "upload".into(),
            lang: "de".into(),
            words: SparseVector { indices: vec![1, 5], values: vec![0.5, 1.5] },
            dense: (dimension > 0).then(|| vec![0.5; dimension]),
        }
    }

    #[test]
    fn a_version_has_named_vectors_and_the_idf_of_the_engine() {
        let with = create(&Collection { version: 3, dimension: Some(384) });
        assert_eq!(with.collection_name, "chunks_v3");
        let words = &with.sparse_vectors_config.unwrap().map["bm25"];
        assert_eq!(words.modifier, Some(Modifier::Idf.into()));
        let Some(Config::ParamsMap(map)) = with.vectors_config.unwrap().config else { panic!() };
        assert_eq!(
            (map.map["dense"].size, map.map["dense"].distance),
            (384, Distance::Cosine.into())
        );
        let without = create(&Collection { version: 4, dimension: None });
        assert!(without.vectors_config.is_none() && without.sparse_vectors_config.is_some());
        let indexes = field_indexes(3);
        let fields: Vec<&str> = indexes.iter().map(|index| index.field_name.as_str()).collect();
        assert_eq!(fields, ["item_id", "tags", "lang"]);
        assert!(indexes.iter().all(|index| index.wait == Some(true)));
    }

    #[test]
    fn requests_stay_far_below_what_a_server_takes() {
        let requests = put(1, (0..1_200).map(|number| point(number, 0)).collect());
        assert_eq!(requests.iter().map(|it| it.points.len()).collect::<Vec<_>>(), [500, 500, 200]);
        assert!(requests.iter().all(|request| request.wait == Some(true)));
        let large = put(1, (0..900).map(|number| point(number, 8_192)).collect());
        let sizes: Vec<usize> = large.iter().map(prost::Message::encoded_len).collect();
        assert!(sizes.len() > 3 && sizes.iter().all(|size| *size < 9 << 20), "{sizes:?}");
        assert_eq!(large.iter().map(|it| it.points.len()).sum::<usize>(), 900);
        assert!(put(1, Vec::new()).is_empty());
    }

    #[test]
    fn a_point_has_the_payload_of_the_contract() {
        let requests = put(1, vec![point(9, 2)]);
        let stored = &requests[0].points[0];
        let mut fields: Vec<&String> = stored.payload.keys().collect();
        fields.sort();
        assert_eq!(fields, ["chunk_idx", "item_id", "lang", "source", "tags", "ts"]);
        assert_eq!(
            stored.payload["item_id"].as_str().unwrap().as_str(),
            Uuid::from_u128(7).to_string()
        );
        assert_eq!(
            hit(stored.id.clone(), 2.0),
            Some(Hit { chunk_id: Uuid::from_u128(9), score: 2.0 })
        );
    }

    #[test]
    fn a_filter_says_what_must_be_and_what_must_not() {
        assert!(filter(&Filter::default()).is_none());
        let wanted = Filter {
            items: vec![Uuid::from_u128(1), Uuid::from_u128(2)],
            without_items: vec![Uuid::from_u128(3)],
            tags: vec!["a".into()],
            languages: vec!["de".into(), "fr".into()],
        };
        let values = |conditions: Vec<Condition>| -> Vec<(String, Vec<String>)> {
            let one = |condition: Condition| {
                let Some(ConditionOneOf::Field(field)) = condition.condition_one_of else {
                    panic!()
                };
                let Some(MatchValue::Keywords(any)) = field.r#match.unwrap().match_value else {
                    panic!()
                };
                (field.key, any.strings)
            };
            conditions.into_iter().map(one).collect()
        };
        let made = filter(&wanted).unwrap();
        let ids = |numbers: &[u128]| -> Vec<String> {
            numbers.iter().map(|number| Uuid::from_u128(*number).to_string()).collect()
        };
        assert_eq!(
            values(made.must),
            [
                ("item_id".to_owned(), ids(&[1, 2])),
                ("tags".to_owned(), vec!["a".to_owned()]),
                ("lang".to_owned(), vec!["de".to_owned(), "fr".to_owned()]),
            ]
        );
        assert_eq!(values(made.must_not), [("item_id".to_owned(), ids(&[3]))]);
    }
}
