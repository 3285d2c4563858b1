//! The judgement at the end of a history, by a plain reading of the declarations.

use std::time::Duration;

use rulesync_core::Group;

use super::cluster::group;
use super::is_bad;
use super::play::{INSISTED, Sim};
use super::ruler::{Groups, Habit, SimRuler};
use crate::world::central;

impl Sim<'_> {
    /// Ends all faults and checks that, some time later, the ruler holds exactly what it should and no process has work
    /// left.
    pub(super) async fn settle(mut self) -> Result<(), String> {
        self.recover();
        // Deletes that look like an accident wait for a release; the wait before it is for all others.
        tokio::time::sleep(Duration::from_secs(12 * 60)).await;
        for _ in 0..3 {
            for tenant in self.history.tenants {
                self.leader().handle.release_deletes(&central(tenant)).await;
            }
            tokio::time::sleep(Duration::from_secs(6 * 60)).await;
        }
        self.judge()?;
        let (writes, failed) = self.shared.ruler.counts();
        let restarts = usize::try_from(self.next).unwrap_or(usize::MAX);
        let bound = 4 * self.touched + 2 * failed + 4 * restarts * self.history.tenants.len() + 40;
        if writes > bound {
            return Err(format!(
                "{writes} writes, of which {failed} failed, for {} groups touched",
                self.touched
            ));
        }
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
        let (writes, _) = self.shared.ruler.counts();
        // Normalizations are tested again: one group of each kind of difference per hour.
        let tested_again = match self.history.habit {
            Habit::Faithful | Habit::Blanks => 0,
            Habit::DropsLimit | Habit::Reprints => 2 * self.history.tenants.len(),
        };
        if writes > tested_again {
            return Err(format!("{writes} writes in an hour in which nothing happened"));
        }
        self.check_states().await?;
        self.judge()
    }

    /// Checks that every process reports the states of objects as its status has them.
    pub(super) async fn check_states(&self) -> Result<(), String> {
        for process in &self.processes {
            process.check_states().await?;
        }
        Ok(())
    }

    fn judge(&self) -> Result<(), String> {
        if let Some(wrong) = self.shared.ruler.wrongs().first() {
            return Err(wrong.clone());
        }
        let mut there = self.shared.ruler.groups();
        there.retain(|(_, namespace), _| namespace != "us");
        for (place @ (tenant, namespace), foreign) in &self.foreign {
            if there.remove(place).as_ref() != Some(foreign) {
                return Err(format!("the foreign namespace {namespace} of {tenant} is not as it was"));
            }
        }
        let is = self.under_present_names(there)?;
        let mut should = self.shared.cluster.should_be();
        let refused_altogether: Vec<String> = should
            .iter()
            .filter(|(_, groups)| groups.values().all(|expr| is_bad(expr)))
            .map(|((_, namespace), _)| namespace.clone())
            .collect();
        for (place @ (tenant, namespace), groups) in &is {
            if !should.contains_key(place) && refused_altogether.contains(namespace) {
                // The object moved, none of its groups is accepted where it went, and it stayed where it was.
                continue;
            }
            for (name, group) in groups {
                let expr = should.get_mut(place).and_then(|groups| groups.remove(name));
                let there = format!("{tenant}/{namespace}/{name}: {:?}", group.rules[0].expr);
                match expr {
                    None => return Err(format!("{there} should not be there")),
                    Some(expr) if is_bad(&expr) => {
                        // If another tool has edited the group, that version stays.
                        let edited = ["edited", INSISTED].contains(&&*group.rules[0].expr);
                        let forms = self.forms.get(&(namespace.clone(), name.clone()));
                        let mut earlier = forms.into_iter().flatten();
                        if !edited && !earlier.any(|expr| *group == self.stored(name, expr)) {
                            return Err(format!(
                                "{there} was never declared, and what is declared is refused"
                            ));
                        }
                    }
                    Some(expr) if *group != self.stored(name, &expr) => {
                        return Err(format!("{there} should be {expr:?}"));
                    }
                    Some(_) => {}
                }
            }
        }
        for ((tenant, namespace), groups) in should {
            if let Some((name, expr)) = groups.iter().find(|(_, expr)| !is_bad(expr)) {
                return Err(format!("{tenant}/{namespace}/{name}: {expr:?} is missing"));
            }
        }
        Ok(())
    }

    /// Returns the groups of namespaces with present names, as the owner names these. Others must be gone, unless what
    /// follows them is refused, or nobody knows whose they are.
    fn under_present_names(&self, there: Groups) -> Result<Groups, String> {
        let names = self.shared.names;
        let (declared, should) = (self.shared.cluster.declared(), self.shared.cluster.should_be());
        let mut is = Groups::new();
        for ((tenant, namespace), groups) in there {
            let Some(canonical) = names.canonical(&namespace) else {
                return Err(format!("nobody wrote the namespace {namespace} of {tenant}"));
            };
            let object = declared.iter().find(|(name, _)| super::cluster::namespace(name) == canonical);
            let is_present = object.is_some_and(|(name, object)| names.of(name, object.created) == namespace);
            let should_be = should.contains_key(&(tenant, canonical.clone()));
            let unknown = names.are_uncertain() && self.forgot && !(is_present && should_be);
            // The present name of an object is not written while its groups are refused, wherever it goes.
            let refused = object.is_some_and(|(_, object)| {
                let mut groups = object.groups.values();
                match names.renamed {
                    true => groups.any(|expr| is_bad(expr)),
                    false => !object.groups.is_empty() && groups.all(|expr| is_bad(expr)),
                }
            });
            if unknown || (!is_present && refused) {
                continue;
            }
            if !is_present && names.stray().as_ref() != Some(&namespace) && object.is_some() {
                return Err(format!("{tenant}/{namespace} has a name that its object no longer has"));
            }
            is.insert((tenant, canonical), groups);
        }
        Ok(is)
    }

    fn stored(&self, name: &str, expr: &str) -> Group {
        SimRuler::stored(self.history.habit, &group(name, expr))
    }
}
