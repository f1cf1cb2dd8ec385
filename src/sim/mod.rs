//! Made-up fleets (the generator follows).
