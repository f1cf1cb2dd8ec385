//! The table of transitions, every state with every kind of event.
