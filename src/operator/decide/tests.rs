//! The scenarios, by subject, each by name.

mod going;
mod journeys;
mod messages;
mod outcomes;
mod passes;
mod refusals;
mod rest;
mod scenes;
mod upgrades;
