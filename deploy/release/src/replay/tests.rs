//! Small files, carried out in temporary directories.

use tempfile::TempDir;

use super::*;

struct World {
    directory: TempDir,
    replay: Replay,
}

impl World {
    fn new(ignore: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (path, text) in [("context/a.txt", "a"), ("context/d/b.txt", "b"), ("context/d/c.log", "c")] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), text).unwrap();
        }
        let replay = Replay {
            context: at("context"),
            ignore: Ignore::parse(ignore).unwrap(),
            stages: at("stages"),
            caches: at("caches"),
            arguments: [("WORD".to_owned(), "said".to_owned())].into(),
        };
        Self { directory, replay }
    }

    fn run(&self, text: &str) -> Result<String, ReplayError> {
        let mut log = Vec::new();
        self.replay.run(&Dockerfile::parse(text).unwrap(), &mut log)?;
        Ok(String::from_utf8(log).unwrap())
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.directory.path().join("stages").join(path)).ok()
    }
}

#[test]
fn replay_carries_out_every_stage() {
    let world = World::new("**/*.log");
    let text = "ARG TAG=1\nFROM rust:${TAG} AS build\nWORKDIR /build\nARG WORD=default\nARG TAG\nCOPY a.txt ./\nCOPY d e\n\
                RUN mkdir out && cat a.txt e/b.txt > out/ab && printf '%s %s' \"$WORD\" \"$TAG\" > out/words\n\
                FROM build AS more\nRUN cp out/ab out/more\nFROM scratch AS image\nCOPY --from=more /build/out /bin/\n\
                COPY --from=build /build/out/words /words\n";
    let log = world.run(text).unwrap();
    assert!(
        log.starts_with("-- FROM rust:1 (not used: an image of a registry)\n-- COPY a.txt ./\n"),
        "{log}"
    );
    assert!(log.contains("-- FROM build (as it is above)\n-- RUN cp out/ab out/more\n"), "{log}");
    assert_eq!(world.read("image/bin/ab").as_deref(), Some("ab"));
    assert_eq!(world.read("image/bin/more").as_deref(), Some("ab"));
    assert_eq!(world.read("image/words").as_deref(), Some("said 1"));
    assert_eq!((world.read("build/build/e/c.log"), world.read("build/build/out/more")), (None, None));
    // Nothing of an earlier replay is left.
    world.run("FROM scratch AS image\nCOPY a.txt /\n").unwrap();
    assert_eq!((world.read("image/a.txt").as_deref(), world.read("image/words")), (Some("a"), None));
}

#[test]
fn replay_keeps_caches_for_the_commands_that_mount_them() {
    let world = World::new("");
    let text = "FROM a AS build\nWORKDIR /build\n\
                RUN --mount=type=cache,target=/elsewhere --mount=type=cache,target=/build/target echo x >> target/log && cp target/log now\n\
                RUN test ! -e target\n";
    world.run(text).unwrap();
    assert_eq!(world.read("build/build/now").as_deref(), Some("x\n"));
    world.run(text).unwrap();
    assert_eq!(world.read("build/build/now").as_deref(), Some("x\nx\n"));
}

#[test]
fn replay_ends_with_the_first_instruction_that_fails() {
    let world = World::new("*\n!d\n");
    for (text, problem) in [
        ("FROM a\nRUN false", "Dockerfile:2: the command failed: exit status: 1"),
        ("FROM a\nRUN cp x /usr/bin/x", "Dockerfile:2: `/usr/bin/x` is an absolute path"),
        ("FROM a\nRUN make PREFIX=/usr", "Dockerfile:2: `/usr` is an absolute path"),
        ("FROM a\nCOPY d e\nCOPY a.txt ./", "Dockerfile:3: `a.txt` is not there, or left out"),
        ("FROM a\nCOPY nothing ./", "Dockerfile:2: `nothing` is not there, or left out"),
        ("FROM a\nCOPY --from=b x ./", "Dockerfile:2: no earlier stage is called `b`"),
        ("FROM a AS b\nFROM c\nCOPY --from=b x ./", "Dockerfile:3: `x` is not there"),
    ] {
        let error = world.run(text).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
    }
}

#[test]
fn replay_keeps_times_and_modes() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new("");
    let source = world.directory.path().join("context/a.txt");
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().append(true).open(&source).unwrap().set_modified(time).unwrap();
    fs::set_permissions(&source, fs::Permissions::from_mode(0o750)).unwrap();
    world.run("FROM a AS b\nCOPY a.txt x/\n").unwrap();
    let copied = fs::metadata(world.directory.path().join("stages/b/x/a.txt")).unwrap();
    assert_eq!((copied.modified().unwrap(), copied.permissions().mode() & 0o777), (time, 0o750));
}
