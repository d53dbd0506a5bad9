//! A PostgreSQL for the tests: one server for all of them, and a database for each.

use std::{
    fs::Permissions,
    io::Write,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use campanile::server::store::{PostgresOptions, PostgresStore};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// A server that stops with the test that started it.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    /// A shell that stops the server when its input ends, even if this process is killed.
    shell: Child,
}

/// The server that tests share.
static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(&[]));

/// A prefix that runs the server's programs as an unprivileged user: as root they refuse to run.
fn as_a_user() -> Vec<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&id.stdout).trim() == "0" { vec!["runuser", "-u", "postgres", "--"] } else { vec![] }
}

/// The path of a server's program: from `PATH`, or the newest in Debian's folder.
fn program(name: &str) -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&on_path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    places.extend(versions.into_iter().rev());
    let found = places.into_iter().find(|place| place.join("initdb").is_file() && place.join("postgres").is_file());
    let how = "the tests start a PostgreSQL of their own: install it, on Debian `apt install postgresql`";
    found.unwrap_or_else(|| panic!("{how}")).join(name)
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir("/");
    command
}

impl Server {
    /// Starts a new server on a free port, with these settings beside those that make it fast.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_with(&[], settings)
    }

    /// The same, with these files, by name and content, in its data folder.
    pub(crate) fn start_with(files: &[(&str, &str)], settings: &[&str]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Not below the home folder of the user who runs the tests, which another user cannot enter.
        let folder = std::env::temp_dir().join(format!("campanile-postgres-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let user = as_a_user();
        if !user.is_empty() {
            run(command(&["chown", "postgres"]).arg(&folder));
        }
        let initdb = program("initdb").display().to_string();
        let data = folder.join("data").display().to_string();
        let words = ["-A", "trust", "-U", "campanile", "-E", "UTF8", "--locale=C", "--no-sync", "-D", &data];
        run(&mut command(&[user.as_slice(), &[&initdb], &words].concat()));
        for (name, content) in files {
            let file = folder.join(name);
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            if !user.is_empty() {
                run(command(&["chown", "postgres"]).arg(&file));
            }
            std::fs::rename(&file, folder.join("data").join(name)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shell = Self::run(&folder, port, settings);
        let server = Self { port, folder, shell };
        server.wait();
        server
    }

    fn run(folder: &Path, port: u16, settings: &[&str]) -> Child {
        let quick = ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=300", "shared_buffers=64MB"];
        // The shell waits for a line, or for the end of its input, and then stops the server at once; at the end of its
        // input, when no test is left to restart the server, it removes all files.
        let log = folder.join("log").display().to_string();
        let script = format!(
            "\"$@\" >{log} 2>&1 </dev/null & server=$!; read -r again; kill -QUIT $server; \
             wait $server; test -n \"$again\" || rm -rf {folder}",
            folder = folder.display()
        );
        let mut words: Vec<_> = as_a_user().into_iter().map(str::to_owned).collect();
        words.extend(["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]);
        words.extend([program("postgres"), "-D".into(), folder.join("data")].map(|path| path.display().to_string()));
        words.extend(["-p".to_owned(), port.to_string(), "-k".to_owned(), folder.display().to_string()]);
        for setting in quick.iter().chain(settings) {
            words.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        let mut shell = Command::new(&words[0]);
        shell.args(&words[1..]).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Waits until it accepts connections.
    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log.contains("ready to accept connections") || log.contains("ready to accept read-only connections") {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a standby of another server, which follows it until it is promoted.
    pub(crate) fn standby_of(primary: &Self) -> Self {
        let folder = std::env::temp_dir().join(format!("campanile-standby-{}-{}", std::process::id(), primary.port));
        std::fs::create_dir_all(&folder).unwrap();
        let user = as_a_user();
        if !user.is_empty() {
            run(command(&["chown", "postgres"]).arg(&folder));
        }
        // `PATH` may contain links to only some of the programs.
        let program = program("initdb").canonicalize().unwrap().with_file_name("pg_basebackup");
        let (program, port) = (program.display().to_string(), primary.port.to_string());
        let data = folder.join("data").display().to_string();
        let words = ["-R", "-c", "fast", "-h", "127.0.0.1", "-p", &port, "-U", "campanile", "-D", &data];
        run(&mut command(&[user.as_slice(), &[&program], &words].concat()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shell = Self::run(&folder, port, &[]);
        let server = Self { port, folder, shell };
        server.wait();
        server
    }

    /// Stops it as in a crash: committed data is still there.
    pub(crate) fn stop(&mut self) {
        drop(self.shell.stdin.take().map(|mut shell| shell.write_all(b"again\n")));
        drop(self.shell.wait());
    }

    /// Starts it again on the same port and data.
    pub(crate) fn start_again(&mut self) {
        std::fs::remove_file(self.folder.join("log")).unwrap();
        self.shell = Self::run(&self.folder, self.port, &[]);
        self.wait();
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://campanile@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// A separate disk in memory, for the database of a server; it is removed after the test.
pub(crate) struct SmallDisk {
    pub(crate) folder: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of this size, such as `24m`; `None` when that is not allowed.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("campanile-disk-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size}");
        let mounted = command(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).output();
        if !mounted.is_ok_and(|done| done.status.success()) {
            drop(std::fs::remove_dir(&folder));
            return None;
        }
        let disk = Self { folder };
        run(command(&["chown", "postgres"]).arg(&disk.folder));
        Some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because the server may still have open files there.
        drop(command(&["umount", "--lazy"]).arg(&self.folder).output());
        drop(std::fs::remove_dir(&self.folder));
    }
}

/// A PgBouncer in front of a server.
pub(crate) struct PgBouncer {
    port: u16,
    /// As for a [`Server`].
    shell: Child,
}

impl PgBouncer {
    /// Starts a PgBouncer in this mode, with this many connections to each database.
    pub(crate) fn start(server: &Server, mode: &str, connections: usize) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("campanile-pgbouncer-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let [users, settings, log] = ["users", "settings", "log"].map(|name| folder.join(name));
        std::fs::write(&users, "\"campanile\" \"\"\n").unwrap();
        let ini = Self::settings(server.port, port, &users.display().to_string(), mode, connections);
        std::fs::write(&settings, ini + "unix_socket_dir =\n").unwrap();
        let script = format!(
            "PATH=$PATH:/usr/sbin; \"$@\" >{log} 2>&1 </dev/null & server=$!; read -r again; kill -TERM $server; \
             wait $server; rm -rf {folder}",
            log = log.display(),
            folder = folder.display()
        );
        let user = as_a_user();
        if !user.is_empty() {
            run(command(&["chown", "-R", "postgres"]).arg(&folder));
        }
        let settings = settings.display().to_string();
        let words = [user.as_slice(), &["sh", "-c", &script, "sh", "pgbouncer", &settings]].concat();
        let mut shell = command(&words);
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let how = "the tests start a PgBouncer of their own: install it, on Debian `apt install pgbouncer`";
            assert!(Instant::now() < deadline, "{how}: {}", std::fs::read_to_string(&log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { port, shell }
    }

    /// Its settings file: in front of a server on port `server`, listening on `port`.
    pub(crate) fn settings(server: u16, port: u16, users: &str, mode: &str, connections: usize) -> String {
        format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = trust\nauth_file = {users}\npool_mode = {mode}\ndefault_pool_size = {connections}\n"
        )
    }

    /// The URL of one of the databases behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://campanile@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// A connection for statements that do not go through Campanile.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The URL of a new, empty database.
pub(crate) async fn empty_database() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("empty_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    connect(&SHARED.url("postgres")).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    SHARED.url(&name)
}

/// The URL of a new database with Campanile's tables.
pub(crate) async fn new_database() -> String {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let client = connect(&SHARED.url("postgres")).await;
    TEMPLATE
        .get_or_init(async || {
            client.batch_execute("CREATE DATABASE migrated").await.unwrap();
            drop(open(&SHARED.url("migrated"), 1000).await);
            let gone = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'migrated'";
            while client.query_one(gone, &[]).await.unwrap().get::<_, i64>(0) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE migrated")).await.unwrap();
    SHARED.url(&name)
}

pub(crate) async fn open(url: &str, window: usize) -> PostgresStore {
    let options = PostgresOptions { url: url.to_owned(), window, connections: 8 };
    PostgresStore::open(&options).await.unwrap()
}
