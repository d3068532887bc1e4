//! Worlds on ordinary loopback sockets, spoken to by plain sockets, by test code and by the
//! clients that servers really use.

mod bounds;
mod clients;
mod kit;
mod mail;
mod mailboxes;
mod other;
mod speed;
mod talks;
mod web;
