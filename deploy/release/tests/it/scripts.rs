//! The scripts that the workflows run, with programs that note what they are asked for.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::repository::{root, stdout};

/// Answers as buildx does: a metadata file, and the digest of a manifest.
const DOCKER: &str = r#"echo "docker $@" >> "$JOURNAL"
while [ $# -gt 0 ]; do
    case "$1" in
        --metadata-file) echo '{"containerimage.digest": "sha256:aa"}' > "$2" ;;
        inspect) echo '{"digest": "sha256:ee"}' ;;
    esac
    shift
done
"#;

/// Packs an empty file, and says the digest where helm 3 says it.
const HELM: &str = r#"echo "helm $1" >> "$JOURNAL"
case "$1" in
    package) touch "$4/rulesync-1.2.3.tgz" ;;
    push) echo "Pushed: $3 $(basename "$2")" >&2; echo "$DIGEST_LINE" >&2 ;;
esac
"#;

/// A directory of programs, and of what is noted.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [("docker", DOCKER), ("helm", HELM)] {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { directory }
    }

    fn run(&self, script: &str, arguments: &[&str], digest_line: &str) -> Output {
        let path = format!("{}:{}", self.directory.path().display(), std::env::var("PATH").unwrap());
        Command::new(root().join("deploy/release").join(script))
            .args(arguments)
            .current_dir(root())
            .env("PATH", path)
            .env("JOURNAL", self.directory.path().join("journal"))
            .env("DIGEST_LINE", digest_line)
            .output()
            .unwrap()
    }

    fn journal(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("journal")).unwrap_or_default()
    }
}

#[test]
fn scripts_push_an_image_by_its_digest() {
    let world = World::new();
    let pushed = world.run("image.sh", &["push", "ghcr.io/a/b", "1.2.3", "cafe"], "");
    assert_eq!(stdout(&pushed), "sha256:aa\n", "{pushed:?}");
    let journal = world.journal();
    for flag in [
        "--target image ",
        "--build-arg VERSION=1.2.3 --build-arg REVISION=cafe",
        "--sbom=true --provenance=mode=max",
        "name=ghcr.io/a/b,push-by-digest=true",
    ] {
        assert!(journal.contains(flag), "{flag}: {journal}");
    }
}

#[test]
fn scripts_give_the_images_of_all_architectures_their_tags() {
    let world = World::new();
    let digests = ["amd64", "arm64"].map(|name| {
        let path = world.directory.path().join(name);
        std::fs::write(&path, format!("sha256:{name}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let tagged = world.run("image.sh", &["tag", "i", "1.2.3 1.2 latest", &digests[0], &digests[1]], "");
    assert_eq!(stdout(&tagged), "sha256:ee\n", "{tagged:?}");
    let expected = "docker buildx imagetools create --tag i:latest --tag i:1.2 --tag i:1.2.3 i@sha256:amd64 i@sha256:arm64\n\
                    docker buildx imagetools inspect i:1.2.3 --format {{json .Manifest}}\n";
    assert_eq!(world.journal(), expected);
}

#[test]
fn scripts_refuse_what_they_do_not_know() {
    assert_eq!(World::new().run("image.sh", &["publish"], "").status.code(), Some(64));
}

#[test]
fn scripts_push_the_chart_and_say_its_digest() {
    let world = World::new();
    let pushed = world.run("chart.sh", &["oci://r/charts"], "Digest: sha256:0c");
    assert_eq!((stdout(&pushed).as_str(), pushed.status.success()), ("sha256:0c\n", true), "{pushed:?}");
    assert_eq!(world.journal(), "helm package\nhelm push\n");
    let silent = world.run("chart.sh", &["oci://r/charts"], "");
    assert!(!silent.status.success(), "{silent:?}");
}
