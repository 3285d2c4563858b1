//! The ports of another process. A test lets a server choose a free port (0) and asks here which one it is: a port that
//! the test chose, and freed for the server, could be taken by somebody else in between.

use std::{fs, io};

/// The ports on which a process listens over IPv4, from Linux' `/proc`, in ascending order.
///
/// # Errors
/// If the process does not exist, or belongs to somebody else.
pub fn listening(process: u32) -> io::Result<Vec<u16>> {
    let mut sockets = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        // It may have been closed meanwhile.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        let inode = target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'));
        sockets.extend(inode.map(ToOwned::to_owned));
    }
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp"))?;
    let mut ports: Vec<u16> = table
        .lines()
        .filter_map(listener)
        .filter(|(inode, _)| sockets.contains(inode))
        .map(|(_, port)| port)
        .collect();
    ports.sort_unstable();
    Ok(ports)
}

/// The inode and port of a listening socket in the table of connections.
fn listener(line: &str) -> Option<(String, u16)> {
    const LISTENS: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (*fields.get(1)?, *fields.get(3)?, *fields.get(9)?);
    let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
    (state == LISTENS).then(|| (inode.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_this_process_are_found_while_it_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let found = || listening(std::process::id()).expect("a process");
        assert!(found().contains(&port));
        let client =
            std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connects");
        let local = client.local_addr().expect("an address").port();
        assert!(!found().contains(&local), "a client does not listen");
    }
}
