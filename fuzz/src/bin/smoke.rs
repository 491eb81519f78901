//! Runs every target for a moment on mutations of seeds. Bounded in time and repeatable: the seed of the
//! random numbers is fixed, or the first argument.

use std::time::{Duration, Instant};

use trustee_fuzz::seeds::TEXTS;

const EACH: Duration = Duration::from_secs(3);

fn main() {
    let seed = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x5eed);
    for (name, target) in trustee_fuzz::TARGETS {
        let mut random = Random {
            state: seed,
            seeds: trustee_fuzz::seeds::of(name),
        };
        let (started, mut runs) = (Instant::now(), 0_u64);
        while started.elapsed() < EACH {
            target(&random.input());
            runs += 1;
        }
        println!("fuzz {name}: {runs} inputs, no panic");
    }
    println!("{} passed, 0 failed", trustee_fuzz::TARGETS.len());
}

/// xorshift64*: small, fast, and the same everywhere.
struct Random {
    state: u64,
    /// The target's own.
    seeds: Vec<Vec<u8>>,
}

impl Random {
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A seed with a few mutations, or plain noise.
    fn input(&mut self) -> Vec<u8> {
        let mut bytes = match self.below(8) {
            0 => (0..self.below(300)).map(|_| self.next() as u8).collect(),
            1..=5 if !self.seeds.is_empty() => {
                let at = self.below(self.seeds.len());
                self.seeds[at].clone()
            }
            _ => TEXTS[self.below(TEXTS.len())].as_bytes().to_vec(),
        };
        for _ in 0..self.below(6) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let part: Vec<u8> = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = TEXTS[self.below(TEXTS.len())].as_bytes();
                let from = self.below(other.len());
                bytes.splice(at..at, other[from..].iter().copied().take(60));
            }
        }
    }
}
