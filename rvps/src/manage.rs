//! Deleting, revoking, and telling what is remembered of a value.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::MutexGuard;

use crate::{
    Caller, ManageError, Record, ReferenceValue, Rvps,
    caller::How,
    error::{QueryError, bounded},
    record::Revocation,
    records::Records,
    same::mistaken,
};

/// What there is to know about a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The value that is served, if there is one.
    pub current: Option<Arc<ReferenceValue>>,
    /// What is remembered. Its newest version is not the current value if somebody changed storage by hand.
    pub record: Record,
}

/// What to revoke.
#[derive(Debug, Clone, PartialEq)]
pub enum RevokeWhat {
    /// Everything in the value that is served.
    Current,
    /// Everything in the value that a version had.
    Version(u64),
    /// One element of an array, or a value that is none: also before anybody registers it.
    Element(Value),
}

impl Record {
    /// What is revoked.
    pub fn revoked(&self) -> &[crate::Revoked] {
        &self.revoked
    }

    /// The versions that are remembered, the newest last.
    pub fn versions(&self) -> &[crate::Version] {
        &self.history
    }

    fn version(&self, number: u64) -> Option<&crate::Version> {
        self.history.iter().find(|version| version.number == number)
    }

    fn is_empty(&self) -> bool {
        self.newest == 0
    }
}

impl Rvps {
    /// What there is to know about a name.
    ///
    /// # Errors
    /// There is nothing, or what is stored is damaged.
    pub async fn overview(&self, id: &str) -> Result<Overview, ManageError> {
        let records = self.records.lock().await;
        let record = read(&records, id)?;
        let current = self.served(id)?;
        if current.is_none() && record.is_empty() {
            return Err(ManageError::NotFound(bounded(id)));
        }
        Ok(Overview { current, record })
    }

    /// Takes a value out of service. What is remembered of it stays, so that an old message does not bring it back;
    /// with `forget` that goes, too, all but what is revoked.
    ///
    /// # Errors
    /// The caller may not, there is no such value, or storage fails.
    pub async fn delete(
        self: &Arc<Self>,
        id: &str,
        reason: Option<String>,
        forget: bool,
        caller: &Caller,
    ) -> Result<(), ManageError> {
        may_manage(caller, id)?;
        let (this, name, by) = (Arc::clone(self), id.to_owned(), caller.who.clone());
        in_a_task(async move {
            let mut records = this.records.lock().await;
            let mut record = read(&records, &name)?;
            let stored = this.store.get(&name).await?.is_some();
            let known = stored || record.latest().is_some_and(|latest| latest.value.is_some());
            if !known && (!forget || record.is_empty()) {
                return Err(ManageError::NotFound(bounded(&name)));
            }
            if forget && record.revoked.is_empty() {
                // The value goes first: without its record it would be served, as one put there by hand.
                this.remove(&name).await?;
                records.forget(&name).await?;
                return Ok(());
            }
            if forget {
                record = Record {
                    revoked: record.revoked,
                    newest: record.newest,
                    ..Record::new(&name)
                };
            }
            record.delete(&by, reason, this.clock.now(), this.rules.history);
            keep(&mut records, record).await?;
            this.remove(&name).await
        })
        .await?;
        tracing::info!(by = %caller.who, name = id, forget, "a reference value is deleted");
        Ok(())
    }

    /// Revokes a value, or a part of it: it is never served again, whoever registers it. Gives what is left.
    ///
    /// # Errors
    /// The caller may not, there is no such value or version, an element is not there but one that reads the same, or
    /// storage fails.
    pub async fn revoke(
        self: &Arc<Self>,
        id: &str,
        what: RevokeWhat,
        reason: Option<String>,
        caller: &Caller,
    ) -> Result<Option<Value>, ManageError> {
        may_manage(caller, id)?;
        let (this, name, by) = (Arc::clone(self), id.to_owned(), caller.who.clone());
        let left = in_a_task(async move {
            let mut records = this.records.lock().await;
            let mut record = read(&records, &name)?;
            let current = this.served(&name)?;
            let revoked = match what {
                RevokeWhat::Element(element) => {
                    not_mistaken(&name, &element, current.as_deref())?;
                    element
                }
                RevokeWhat::Current => match &current {
                    Some(current) => current.value().clone(),
                    None => return Err(ManageError::NotFound(bounded(&name))),
                },
                RevokeWhat::Version(number) => {
                    let version = record.version(number).and_then(|version| version.value.clone());
                    version.ok_or_else(|| ManageError::NoVersion {
                        name: bounded(&name),
                        number,
                    })?
                }
            };
            this.store.check_key(&name)?;
            let revocation = Revocation {
                by: &by,
                reason,
                now: this.clock.now(),
            };
            let served = current
                .as_ref()
                .map(|current| (current.value(), current.expires_at()));
            let left = record.revoke(&revoked, served, revocation, this.rules.history);
            let left = left.map_err(|reason| ManageError::Refused {
                name: bounded(&name),
                reason,
            })?;
            keep(&mut records, record).await?;
            match (&left, current) {
                (Some(left), Some(current)) if left != current.value() => {
                    this.replace(&name, left.clone(), current.expires_at()).await?;
                }
                (None, _) => this.remove(&name).await?,
                _ => {}
            }
            Ok(left)
        })
        .await?;
        tracing::warn!(by = %caller.who, name = id, "a reference value is revoked");
        Ok(left)
    }

    fn served(&self, id: &str) -> Result<Option<Arc<ReferenceValue>>, ManageError> {
        self.query(id)
            .map_err(|QueryError::Damaged(reason)| damaged(id, reason))
    }

    async fn remove(&self, name: &str) -> Result<(), ManageError> {
        // Out of service first: if storage fails, the value is read again, unless it is revoked.
        let next = self.current.borrow().without(name);
        self.current.send_replace(Arc::new(next));
        self.store.delete(name).await?;
        Ok(())
    }

    async fn replace(&self, name: &str, value: Value, expires_at: i64) -> Result<(), ManageError> {
        let value = ReferenceValue::new(name.to_owned(), value, expires_at);
        let stored = value.to_stored().map_err(|reason| damaged(name, reason))?;
        let next = self.current.borrow().with(vec![Arc::new(value)]);
        self.current.send_replace(Arc::new(next));
        self.store.set(name, &stored, storage::WriteMode::Replace).await?;
        Ok(())
    }
}

/// Does the work even if the caller goes away: memory and storage stay in step.
async fn in_a_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, ManageError>> + Send + 'static,
) -> Result<T, ManageError> {
    tokio::spawn(work).await.unwrap_or(Err(ManageError::Interrupted))
}

fn read(records: &MutexGuard<'_, Records>, id: &str) -> Result<Record, ManageError> {
    records.get(id).map_err(|error| damaged(id, error.to_string()))
}

async fn keep(records: &mut Records, record: Record) -> Result<(), ManageError> {
    records
        .store(std::slice::from_ref(&record))
        .await
        .map_err(|partial| ManageError::Storage(partial.source))
}

/// Whether `caller` may delete and revoke this value.
pub(crate) fn may_manage(caller: &Caller, id: &str) -> Result<(), ManageError> {
    if !caller.rights.manage && caller.who.how == How::Anyone {
        return Err(ManageError::Anonymous);
    }
    if !caller.rights.manage {
        return Err(ManageError::Forbidden(caller.who.to_string()));
    }
    if !caller.rights.covers(id) {
        return Err(ManageError::ForbiddenName {
            caller: caller.who.to_string(),
            name: bounded(id),
        });
    }
    Ok(())
}

/// Refuses what is not there where something is that reads the same: it would stay in service.
fn not_mistaken(name: &str, asked: &Value, current: Option<&ReferenceValue>) -> Result<(), ManageError> {
    let asked = match asked {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mistake = asked.iter().find_map(|asked| {
        let there = mistaken(asked, current?.value())?;
        Some((asked, there))
    });
    match mistake {
        None => Ok(()),
        Some((asked, there)) => Err(ManageError::Mistaken {
            name: bounded(name),
            asked: bounded(&asked.to_string()),
            there: bounded(&there.to_string()),
        }),
    }
}

fn damaged(name: &str, reason: String) -> ManageError {
    ManageError::Damaged {
        name: bounded(name),
        reason,
    }
}
