//! Pages for whoever looks after the box: what runs, what failed, who may come in, what needs a
//! person; and everybody's own account.

mod desk; // what every admin page stands in
mod said; // a confirmation that is shown once
mod difference; // what a change changed
mod sources; // what sources send, day by day
mod changes; // who follows changes
mod sources_view; // how each source is
mod drops; // files of grid operators
mod kafka_view; // brokers and how far they are read
mod source_day; // one day of one subject
mod matrix; // sources by day
mod waiting; // what waits for a decision
mod words; // subjects and oddities in words
mod mqtt; // the broker and what its messages mean
mod mqtt_view; // the same as the template sees it
mod jobs; // the queue and its schedules
mod job; // one job, and what can be done with it
mod lines; // log lines as people read them
mod logs; // the newest log lines
mod system; // health, versions, stand-ins, room
mod names; // who is meant by an identifier
mod audit; // who did what
mod users; // who has an account
mod user; // one account
mod sessions; // who is logged in
mod keys; // API keys
mod settings; // values, origins, changes
mod account; // one's own account
mod models; // models that serve, stand in the shadow, or are here
mod model_card; // one of them
mod simulation; // a world that does not exist
mod simulation_chart; // a day of it as a drawing
mod simulation_site; // sites: flows, what is stored, a day of each meter

use actix_web::web::ServiceConfig;

/// Registers the admin pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .configure(system::pages)
        .configure(sources::pages)
        .configure(source_day::pages)
        .configure(changes::pages)
        .configure(mqtt::pages)
        .configure(drops::pages)
        .configure(jobs::pages)
        .configure(job::pages)
        .configure(logs::pages)
        .configure(audit::pages)
        .configure(users::pages)
        .configure(user::pages)
        .configure(sessions::pages)
        .configure(keys::pages)
        .configure(settings::pages)
        .configure(simulation::pages)
        .configure(models::pages)
        .configure(account::pages);
}

#[cfg(test)]
mod tests;
