use std::io::{self, BufRead};

use crate::chain::Link;
use crate::record::{MAX_LEFT, MAX_LINE, NoRecord, Record, Torn};

/// Goes through a log and says whether it is whole.
///
/// That nothing is missing at the end, nobody can see from a log alone: compare [`Summary::last`] with a place that was
/// noted elsewhere. Nor that it was not written anew from some record on, which takes the same comparison.
pub struct Verifier {
    link: Link,
    lines: u64,
    records: u64,
    recoveries: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    /// Whether the last record says that the service stopped.
    closed: bool,
    /// A place that somebody noted, and whether it is in the log.
    noted: Option<Link>,
    seen: bool,
    /// Lines that are no records. The next one may say that a crash left them.
    broken: Option<Broken>,
    /// Whether a chain may end and another begin.
    several: bool,
    ended: Vec<Summary>,
}

/// Lines that are no records.
struct Broken {
    /// What is wrong with the first.
    fault: Fault,
    bytes: Vec<u8>,
    lines: usize,
}

/// What a whole log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records.
    pub records: u64,
    /// Unfinished lines that a crash left, and that a record names.
    pub recoveries: u64,
    /// Where the log ends.
    pub last: Link,
    /// The time of the first record.
    pub first_time: Option<String>,
    /// The time of the last record.
    pub last_time: Option<String>,
    /// Whether the last record is the one that a service writes when it stops. If not, it runs still, or was stopped
    /// without warning, or what came after was cut off: the log alone does not say which.
    pub closed: bool,
}

/// Why a log is not whole, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct Fault {
    /// The line, from 1 on, over all files.
    pub line: u64,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// It has not the form of a record.
    #[error("this is no record of an audit log: it was changed, or something else was written into the file")]
    NoRecord,
    /// Its hash is not that of its text.
    #[error("this record was changed: its hash is not that of its text")]
    Changed,
    /// The number is not the next one.
    #[error("records are missing or out of order: expected number {expected}, found {found}")]
    Missing {
        /// The next number.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
    /// It is record 1, and there are records before it.
    #[error(
        "a new chain begins here, and up to here the log is whole. A service that writes to the standard output alone \
         begins one at each start, so this may be the next run of it"
    )]
    NewChain,
    /// The record before was another one when this one was written.
    #[error("record {0} does not continue the one before it: that one was replaced")]
    Replaced(u64),
    /// The last line has no end.
    #[error(
        "the last line is not finished: a crash interrupted it, or it is being written. The next start of the service \
         marks it"
    )]
    Unfinished,
}

impl Verifier {
    /// For a log that begins after `link`; a whole one begins after [`Link::START`].
    pub fn after(link: Link) -> Self {
        Self {
            link,
            lines: 0,
            records: 0,
            recoveries: 0,
            first_time: None,
            last_time: None,
            closed: false,
            noted: None,
            seen: false,
            broken: None,
            several: false,
            ended: Vec::new(),
        }
    }

    /// For several chains, one behind the other: what a service has written to the standard output in several runs. That
    /// a whole one is missing, or the end of one, nobody can see.
    pub fn of_several() -> Self {
        Self {
            several: true,
            ..Self::after(Link::START)
        }
    }

    /// Looks out for a place that was noted elsewhere.
    pub fn watch_for(&mut self, noted: Option<Link>) {
        self.noted = noted;
        self.seen = noted == Some(self.link);
    }

    /// Lines so far, over all files.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether that place is in the log.
    pub fn has_seen_it(&self) -> bool {
        self.seen
    }

    /// Goes through one file; those of a rotated log in their order.
    ///
    /// # Errors
    /// The file cannot be read, or the outer one is `Ok` and the log is not whole.
    pub fn read(&mut self, mut file: impl BufRead) -> io::Result<Result<(), Fault>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // One byte more than a record may have: a longer line is none, whatever is behind.
            let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(2);
            if io::Read::take(&mut file, limit).read_until(b'\n', &mut line)? == 0 {
                return Ok(Ok(()));
            }
            let finished = line.last() == Some(&b'\n');
            let read = if finished {
                line.pop();
                self.line(&line)
            } else {
                self.unfinished(line.len())
            };
            if let Err(fault) = read {
                return Ok(Err(fault));
            }
        }
    }

    /// Ends.
    ///
    /// # Errors
    /// The last line is no record.
    pub fn finish(mut self) -> Result<Summary, Fault> {
        match self.broken.take() {
            Some(broken) => Err(broken.fault),
            None => Ok(self.chain()),
        }
    }

    /// Ends, and tells of each chain.
    ///
    /// # Errors
    /// The last line is no record.
    pub fn finish_several(mut self) -> Result<Vec<Summary>, Fault> {
        let mut chains = std::mem::take(&mut self.ended);
        chains.push(self.finish()?);
        Ok(chains)
    }

    /// What the chain holds that ends here.
    fn chain(&mut self) -> Summary {
        Summary {
            records: std::mem::take(&mut self.records),
            recoveries: std::mem::take(&mut self.recoveries),
            last: std::mem::replace(&mut self.link, Link::START),
            first_time: self.first_time.take(),
            last_time: self.last_time.take(),
            closed: std::mem::take(&mut self.closed),
        }
    }

    fn unfinished(&mut self, length: usize) -> Result<(), Fault> {
        self.lines += 1;
        let kind = match length > MAX_LINE {
            true => FaultKind::NoRecord,
            false => FaultKind::Unfinished,
        };
        Err(self.fault(kind))
    }

    /// A line without its end.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.lines += 1;
        let record = match Record::read(line) {
            Ok(record) => record,
            Err(reason) => {
                let fault = self.fault(match reason {
                    NoRecord::Form => FaultKind::NoRecord,
                    NoRecord::Hash => FaultKind::Changed,
                });
                return self.broken(fault, line);
            }
        };
        if let Some(broken) = self.broken.take() {
            if record.torn != Some(Torn::of(&broken.bytes)) {
                return Err(broken.fault);
            }
            self.recoveries += 1;
        }
        let found = record.link.seq;
        if found == 1 && record.prev == Link::START.hash && self.link != Link::START {
            if !self.several {
                return Err(self.fault(FaultKind::NewChain));
            }
            let ended = self.chain();
            self.ended.push(ended);
        }
        let expected = self.link.seq.saturating_add(1);
        if found != expected {
            return Err(self.fault(FaultKind::Missing { expected, found }));
        }
        if record.prev != self.link.hash {
            return Err(self.fault(FaultKind::Replaced(found)));
        }
        self.link = record.link;
        self.seen |= self.noted == Some(record.link);
        self.records += 1;
        self.first_time.get_or_insert_with(|| record.time.clone());
        self.last_time = Some(record.time);
        self.closed = record.closes;
        Ok(())
    }

    fn broken(&mut self, fault: Fault, line: &[u8]) -> Result<(), Fault> {
        match &mut self.broken {
            None => {
                self.broken = Some(Broken {
                    fault,
                    bytes: line.to_vec(),
                    lines: 1,
                });
                Ok(())
            }
            Some(broken) if broken.lines < MAX_LEFT => {
                broken.bytes.push(b'\n');
                broken.bytes.extend_from_slice(line);
                broken.lines += 1;
                Ok(())
            }
            Some(broken) => Err(broken.fault.clone()),
        }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        Fault {
            line: self.lines,
            kind,
        }
    }
}
