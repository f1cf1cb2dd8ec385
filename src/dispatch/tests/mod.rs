//! The market, from outside: by hand, by tables, and by chance.

mod audit;
mod back_to_back;
mod bounded;
mod city;
mod live;
mod optimum;
mod policies;
mod prices;
mod quotes;
mod races;
mod refusals;
mod restore;
mod rig;
mod simulation;
mod table;
mod timers;
