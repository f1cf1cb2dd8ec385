//! Questions to the index, between moves.

use hansom::index::{Answer, BatchOutcome, LiveMap as _};
use hansom::model::{Filter, K, Nearest};
use hansom::units::{Meters, Millis};

use super::counter::allocations;
use super::fleet::{BATCHES, Fleet, Reach};

/// Questions of each kind after each batch.
const QUESTIONS: usize = 8;

/// The nearest: few and many, of a kind and any, close by and anywhere.
fn questions(fleet: &mut Fleet) -> Vec<Nearest> {
    let of_kind = Filter { max_age: Some(Millis::from_secs(20)), ..Filter::default() };
    let mut questions = Vec::new();
    for _ in 0..QUESTIONS {
        for (k, radius, filter) in [
            (1, Meters::HALF_GLOBE, &Filter::ANY),
            (10, Meters::whole(5_000), &of_kind),
            (50, Meters::whole(10_000), &of_kind),
            (1_000, Meters::HALF_GLOBE, &Filter::ANY),
        ] {
            let (k, filter) = (K::try_from(k).unwrap(), filter.clone());
            questions.push(Nearest { center: fleet.somewhere(), k, radius, filter });
        }
    }
    questions
}

#[test]
fn a_question_allocates_nothing_when_its_answer_is_reused() {
    let mut fleet = Fleet::warm();
    let (mut outcome, mut reach) = (BatchOutcome::default(), Reach::default());
    let (mut answer, mut full, mut hits) = (Answer::default(), 0, 0);
    let mut asked = 0;
    // In the first half, a tide in and out, the buffers grow to what the questions need.
    for batch in 0..BATCHES {
        let reports = fleet.reports();
        fleet.index.apply(fleet.now, &reports, &mut outcome);
        for question in questions(&mut fleet) {
            let now = fleet.now;
            let count = allocations(|| fleet.index.nearest(now, &question, &mut answer));
            if batch >= BATCHES / 2 {
                assert_eq!(count, 0, "batch {batch}: {question:?} asked for memory");
            }
            asked += count;
            hits += answer.hits.len();
            full += usize::from(answer.hits.len() == question.k.get());
        }
        reach.look(&fleet);
    }
    let questions = BATCHES * QUESTIONS * 4;
    println!("{questions} questions, {full} full, {hits} hits, {asked} allocations to warm up");
    assert!(full > questions / 2 && hits > questions * 250, "{full} full, {hits} hits");
    assert!(asked > 0, "buffers that never grew have not been used");
    reach.enough(&fleet);
}
