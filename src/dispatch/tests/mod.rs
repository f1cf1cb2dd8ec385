//! The market, from outside.

mod table;
