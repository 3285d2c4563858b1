//! What the tag of a release must agree with: a release whose parts have different versions is none.

use serde::Deserialize;

use crate::changelog;
use crate::workspace::Workspace;

/// The versions in the description of the chart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chart {
    /// That of the chart.
    pub version: String,
    /// That of the daemon which it installs.
    pub app_version: String,
}

/// The tag of a release, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version, without `v`.
    pub version: String,
    /// What the changelog says of it.
    pub notes: String,
}

impl Release {
    /// Whether it is only for trying out, such as `1.0.0-rc.1`, and no newer version for anybody.
    pub fn is_prerelease(&self) -> bool {
        self.version.contains('-')
    }

    /// The tags of the image: the version, and those that move with newer ones.
    pub fn image_tags(&self) -> Vec<String> {
        let mut tags = vec![self.version.clone()];
        if !self.is_prerelease() {
            tags.extend(self.version.rsplit_once('.').map(|(minor, _)| minor.to_owned()));
            tags.push("latest".to_owned());
        }
        tags
    }
}

/// Returns the release of a tag.
///
/// # Errors
/// If the tag is not `vVERSION`, or one of the workspace, the chart and the changelog does not agree with it. All
/// disagreements are returned.
pub fn check(
    tag: &str,
    workspace: &Workspace,
    chart: &Chart,
    changelog: &str,
) -> Result<Release, Vec<String>> {
    let Some(version) = tag.strip_prefix('v').filter(|version| is_version(version)) else {
        return Err(vec![format!("the tag `{tag}` is not `v` and a version, such as v1.2.3 or v1.2.3-rc.1")]);
    };
    let mut problems: Vec<String> = workspace
        .published()
        .filter(|package| package.version != version)
        .map(|package| format!("the crate `{}` has the version {}", package.name, package.version))
        .collect();
    if chart.version != version {
        problems.push(format!("the chart has the version {}", chart.version));
    }
    if chart.app_version != version {
        problems.push(format!("the chart's `appVersion` is {}", chart.app_version));
    }
    match changelog::notes(changelog, version) {
        Ok(notes) if problems.is_empty() => Ok(Release { version: version.to_owned(), notes }),
        Ok(_) => Err(problems),
        Err(error) => {
            problems.push(error.to_string());
            Err(problems)
        }
    }
}

/// Whether a text is three numbers with an optional name of a pre-release, which can stand in a tag of an image as it is.
fn is_version(text: &str) -> bool {
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn workspace(version: &str) -> Workspace {
        let package = |name: &str, version: &str, publish| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            publish,
            dependencies: Vec::new(),
        };
        Workspace {
            packages: vec![package("core", version, None), package("tests", "0.0.0", Some(Vec::new()))],
        }
    }

    fn chart(version: &str, app_version: &str) -> Chart {
        Chart { version: version.to_owned(), app_version: app_version.to_owned() }
    }

    const CHANGELOG: &str = "## 1.2.3\n\nGood.\n\n## 1.2.3-rc.1\n\nAlmost.\n";

    #[test]
    fn version_of_a_tag_is_that_of_everything() {
        let release = check("v1.2.3", &workspace("1.2.3"), &chart("1.2.3", "1.2.3"), CHANGELOG).unwrap();
        assert_eq!((release.notes.as_str(), release.is_prerelease()), ("Good.", false));
        assert_eq!(release.image_tags(), ["1.2.3", "1.2", "latest"]);
        let rc = "1.2.3-rc.1";
        let release = check("v1.2.3-rc.1", &workspace(rc), &chart(rc, rc), CHANGELOG).unwrap();
        assert_eq!((release.notes.as_str(), release.is_prerelease()), ("Almost.", true));
        assert_eq!(release.image_tags(), [rc]);
    }

    #[test]
    fn version_of_a_tag_disagrees_with_all_that_is_listed() {
        let problems = check("v2.0.0", &workspace("1.2.3"), &chart("1.2.2", "1.2.1"), CHANGELOG).unwrap_err();
        let expected = [
            "the crate `core` has the version 1.2.3",
            "the chart has the version 1.2.2",
            "the chart's `appVersion` is 1.2.1",
            "CHANGELOG.md has no heading `## 2.0.0`: rename `## Unreleased`",
        ];
        assert_eq!(problems, expected);
        let problems = check("v1.2.3", &workspace("1.2.3"), &chart("1.2.3", "1.2.2"), CHANGELOG).unwrap_err();
        assert_eq!(problems, ["the chart's `appVersion` is 1.2.2"]);
    }

    #[test]
    fn version_in_a_tag_is_nothing_else() {
        for tag in
            ["1.2.3", "v1.2", "v1.2.3.4", "v01.2.3", "v1.2.x", "v1.2.3-", "v1.2.3+b", "v1.2.3-a/b", "v"]
        {
            let problems = check(tag, &workspace("1.2.3"), &chart("1.2.3", "1.2.3"), CHANGELOG).unwrap_err();
            assert!(problems[0].contains("is not `v` and a version"), "{tag}: {problems:?}");
        }
    }
}
