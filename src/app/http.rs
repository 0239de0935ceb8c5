//! The actix application: routes collected into the OpenAPI document, services handed to handlers.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::web::{Data, ServiceConfig, redirect, to};
use actix_web::{App, Error};
use utoipa::openapi::OpenApi;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use super::services::Services;
use crate::access::accounts;
use crate::access::audit;
use crate::access::sites;
use crate::decisions::alerts;
use crate::decisions::value;
use crate::decisions::windows;
use crate::facts::changes;
use crate::facts::consumption;
use crate::facts::drops;
use crate::facts::events;
use crate::facts::imports;
use crate::facts::ingest;
use crate::facts::kafka;
use crate::facts::market;
use crate::facts::meters;
use crate::facts::mqtt;
use crate::facts::quality;
use crate::facts::readings;
use crate::facts::series;
use crate::facts::simulation;
use crate::facts::tariffs;
use crate::knowledge::ask;
use crate::knowledge::documents;
use crate::learning::accuracy;
use crate::learning::prediction;
use crate::learning::registry;
use crate::learning::serving;
use crate::learning::site_forecasts;
use crate::learning::training;
use crate::operations::jobs;
use crate::operations::settings;
use crate::operations::status;
use crate::platform::runtime::Roles;
use crate::platform::telemetry::Logs;
use crate::platform::telemetry::Metrics;
use crate::platform::web;
use crate::platform::web::Authenticator;
use crate::platform::web::MethodTable;
use crate::surfaces::dashboards::PAGES;
use crate::surfaces::dashboards::Templates;
use crate::surfaces::dashboards::pages;
use crate::surfaces::dashboards::problems_as_pages;

/// The application of one worker: middleware, operations, pages, documentation, fallback. Without
/// the role `web` only the operations about the process itself.
pub(crate) fn application<D: FnOnce(&mut ServiceConfig)>(
    data: D,
    document: OpenApi,
    cors: Condition<Cors>,
    roles: Roles,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    > + use<D>,
> {
    let (app, _) = App::new()
        .into_utoipa_app()
        .map(|app| {
            app.wrap(from_fn(web::count_requests))
                .wrap(from_fn(problems_as_pages))
                .wrap(Compress::default())
                .wrap(cors)
                .wrap(from_fn(web::around))
        })
        .configure(if roles.web { configure } else { status::routes })
        .split_for_parts();
    app.configure(data)
        .configure(move |config| {
            if roles.web {
                config
                    .configure(pages)
                    .service(redirect("/docs", "/docs/"))
                    .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document));
            }
        })
        .default_service(to(web::fallback))
}

/// Registers every operation of the API.
fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .configure(audit::routes)
        .configure(accounts::routes)
        .configure(sites::routes)
        .configure(changes::routes)
        .configure(market::routes)
        .configure(series::routes)
        .configure(quality::routes)
        .configure(tariffs::routes)
        .configure(meters::routes)
        .configure(imports::routes)
        .configure(drops::routes)
        .configure(readings::routes)
        .configure(events::routes)
        .configure(consumption::routes)
        .configure(ingest::routes)
        .configure(mqtt::routes)
        .configure(kafka::routes)
        .configure(simulation::routes)
        .configure(registry::routes)
        .configure(training::routes)
        .configure(serving::routes)
        .configure(prediction::routes)
        .configure(site_forecasts::routes)
        .configure(accuracy::routes)
        .configure(value::routes)
        .configure(windows::routes)
        .configure(alerts::routes)
        .configure(documents::routes)
        .configure(ask::routes)
        .configure(jobs::routes)
        .configure(settings::routes)
        .configure(status::routes);
}

/// The document of the API, collected from the routes themselves.
pub(crate) fn openapi() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().configure(configure).split_for_parts();
    document.info = InfoBuilder::new()
        .title("Luna")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(env!("CARGO_PKG_DESCRIPTION")))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .contact(Some(ContactBuilder::new().name(Some("Whoever runs this box")).build()))
        .build();
    web::describe(&mut document);
    document
}

/// What handlers take: one entry per service, shared by all workers.
pub(crate) fn application_data(
    services: &Services,
    (metrics, logs): (&Metrics, &Logs),
    templates: &Data<Templates>,
    document: &OpenApi,
) -> impl FnOnce(&mut ServiceConfig) + Clone + use<> {
    let (services, templates) = (services.clone(), templates.clone());
    let (metrics, logs) = (metrics.clone(), logs.clone());
    let table = PAGES
        .iter()
        .fold(MethodTable::of(document), |table, (path, methods)| table.with(path, methods))
        .with("/docs/{file}", &["GET"])
        .with("/openapi.json", &["GET"]);
    let table = Arc::new(table);
    move |config: &mut ServiceConfig| {
        let authenticator: Arc<dyn Authenticator> = Arc::new(services.accounts.clone());
        config
            .app_data(authenticator)
            .app_data(table)
            .app_data(templates)
            .app_data(Data::new(metrics))
            .app_data(Data::new(logs))
            .app_data(Data::new(services.clock))
            .app_data(Data::from(services.protections))
            .app_data(Data::new(services.pool))
            .app_data(Data::new(services.accounts))
            .app_data(Data::new(services.jobs))
            .app_data(Data::new(services.queue))
            .app_data(Data::new(services.audit))
            .app_data(Data::new(services.sites))
            .app_data(Data::new(services.changes))
            .app_data(Data::new(services.prices))
            .app_data(Data::new(services.shown))
            .app_data(Data::new(services.observations))
            .app_data(Data::new(services.quality))
            .app_data(Data::new(services.archive))
            .app_data(Data::new(services.tariffs))
            .app_data(Data::new(services.meters))
            .app_data(Data::new(services.readings))
            .app_data(Data::new(services.events))
            .app_data(Data::new(services.telemetry))
            .app_data(Data::new(services.imports))
            .app_data(Data::new(services.drops))
            .app_data(Data::new(services.consumption))
            .app_data(Data::new(services.staged))
            .app_data(Data::new(services.ingest))
            .app_data(Data::new(services.mqtt))
            .app_data(Data::new(services.kafka))
            .app_data(Data::new(services.simulation))
            .app_data(Data::new(services.datasets))
            .app_data(Data::new(services.registry))
            .app_data(Data::new(services.training))
            .app_data(Data::new(services.predictor))
            .app_data(Data::new(services.bundles))
            .app_data(Data::new(services.contests))
            .app_data(Data::new(services.orders))
            .app_data(Data::new(services.forecasts))
            .app_data(Data::new(services.site_forecasts))
            .app_data(Data::new(services.accuracy))
            .app_data(Data::new(services.values))
            .app_data(Data::new(services.windows))
            .app_data(Data::new(services.alerts))
            .app_data(Data::new(services.documents))
            .app_data(Data::new(services.ask))
            .app_data(Data::new(services.settings))
            .app_data(Data::new(services.status))
            .app_data(Data::new(services.gather));
    }
}
