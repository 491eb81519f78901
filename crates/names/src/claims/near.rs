//! The path that was probably meant.

use super::{ClaimPaths, begins_so};
use crate::suggest;

/// The one that differs in a letter or two of one name.
pub(super) fn almost(paths: &ClaimPaths, path: &[&str]) -> Option<Vec<String>> {
    let walk = walk(paths, path, suggest::almost);
    (walk.is_whole && walk.taken != path).then(|| owned(walk.taken))
}

/// The one whose names are nearest, member by member; else the one that has the rest in another place: first below what
/// is right, then anywhere.
pub(super) fn nearest(paths: &ClaimPaths, path: &[&str]) -> Option<Vec<String>> {
    let walked = walk(paths, path, suggest::nearest);
    if walked.is_whole {
        return Some(owned(walked.taken));
    }
    let right = walk(paths, path, |_, _| None).taken;
    let rest = path.get(right.len()..).unwrap_or_default().join("/");
    let nodes = nodes(paths);
    let below = |start: &[&str]| {
        let below = nodes.iter().filter(|node| node.starts_with(start));
        let ends = below.filter_map(|node| Some((node.get(start.len()..)?.join("/"), node)));
        let ends: Vec<(String, &Vec<&str>)> = ends.filter(|(end, _)| !end.is_empty()).collect();
        let near = suggest::nearest(&rest, ends.iter().map(|(end, _)| end.as_str()))?;
        let (_, node) = ends.iter().find(|(end, _)| end == near)?;
        Some(owned(node.to_vec()))
    };
    below(&right).or_else(|| below(&[]))
}

struct Walk<'a> {
    taken: Vec<&'a str>,
    /// Whether it came to the end of the path, or to that of a known one.
    is_whole: bool,
}

/// Follows a path as far as it leads, each member by its own name or by the one that is picked for it.
fn walk<'a>(
    paths: &ClaimPaths,
    path: &[&'a str],
    pick: impl Fn(&str, Vec<&'static str>) -> Option<&'static str>,
) -> Walk<'a> {
    let mut taken: Vec<&str> = Vec::new();
    for (at, member) in path.iter().enumerate() {
        let children = children(paths, &taken);
        let names = || children.iter().copied().filter(|child| !child.ends_with('*'));
        if children.is_empty() {
            let is_whole = !taken.is_empty();
            return Walk { taken, is_whole };
        } else if *member == "*" || names().any(|name| name == *member) {
            taken.push(member);
        } else if children.contains(&"*") {
            taken.push("*");
        } else if let Some(name) = pick(member, names().collect()) {
            taken.push(name);
        } else if children.iter().any(|child| begins_so(child, member)) {
            taken.push(member);
        } else if children.contains(&"**") {
            taken.extend(path.iter().skip(at));
            break;
        } else {
            return Walk {
                taken,
                is_whole: false,
            };
        }
    }
    Walk {
        taken,
        is_whole: true,
    }
}

/// What may follow, each once.
fn children(paths: &ClaimPaths, taken: &[&str]) -> Vec<&'static str> {
    let mut children: Vec<&'static str> = paths
        .iter()
        .filter_map(|known| {
            let mut known = known.split('/');
            let leads = taken.iter().all(|member| {
                let name = known.next();
                name.is_some_and(|name| {
                    name == *member || name == "*" || *member == "*" || begins_so(name, member)
                })
            });
            known.next().filter(|_| leads)
        })
        .collect();
    children.sort_unstable();
    children.dedup();
    children
}

/// Every place that has a name, the shallow ones first.
fn nodes(paths: &ClaimPaths) -> Vec<Vec<&'static str>> {
    let mut nodes: Vec<Vec<&'static str>> = Vec::new();
    for known in paths.iter() {
        let members: Vec<&'static str> = known.split('/').collect();
        for length in 1..=members.len() {
            let node = members.get(..length).unwrap_or_default();
            if node.last().is_some_and(|last| !last.ends_with('*')) {
                nodes.push(node.to_vec());
            }
        }
    }
    nodes.sort_by_key(Vec::len);
    nodes.dedup();
    nodes
}

fn owned(members: Vec<&str>) -> Vec<String> {
    members.into_iter().map(str::to_owned).collect()
}
