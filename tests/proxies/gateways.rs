//! The gateways of `docs/proxies.md`, each as a real program, set up by the recipe as it is written there. Only ports
//! and paths of files are replaced.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::Uri;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    RECIPES, free_port,
    recipes::{Answer, send},
};
use crate::harness::new_folder;

/// How long a gateway may take to start.
const BEGINNING: Duration = Duration::from_secs(20);
/// The folders in which distributions install the modules of Apache.
const APACHE_MODULES: [&str; 4] = [
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/opt/homebrew/lib/httpd/modules",
    "/usr/local/lib/httpd/modules",
];

/// A gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    Traefik,
    Apache,
}

impl Kind {
    /// The language of its code blocks.
    fn language(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddyfile",
            Self::Traefik => "yaml",
            Self::Apache => "apache",
        }
    }

    /// Its section of the document, up to the next headline.
    fn section(self) -> &'static str {
        let is_it =
            |section: &&str| section.lines().next().is_some_and(|name| name.eq_ignore_ascii_case(&format!("{self:?}")));
        RECIPES.split("\n## ").find(is_it).unwrap()
    }

    /// Its recipes.
    pub(super) fn recipes(self) -> Vec<&'static str> {
        let fence = format!("```{}\n", self.language());
        self.section().split(&*fence).skip(1).map(|block| block.split("```").next().unwrap()).collect()
    }
}

/// The folder, name and port of a gateway.
struct Site<'a> {
    folder: PathBuf,
    name: &'a str,
    port: u16,
}

impl Site<'_> {
    /// Writes a file into the folder, and returns its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn nginx(&self, recipe: &str) -> Command {
        let at = self.folder.display();
        let recipe = recipe.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{} ssl;", self.port));
        nginx(&self.folder, &recipe.replace("/etc/ssl", &at.to_string()))
    }

    /// Caddy obtains its certificate itself; here it must not ask an authority for it.
    fn caddy(&self, recipe: &str) -> Command {
        let (at, port, other) = (self.folder.display(), self.port, free_port());
        let options = format!(
            "{{\nadmin off\nlocal_certs\nskip_install_trust\ndefault_bind 127.0.0.1\nhttps_port {port}\n\
             http_port {other}\nstorage file_system {at}/storage\nlog {{\nlevel ERROR\n}}\n}}\n"
        );
        let file = self.write("Caddyfile", &format!("{options}{recipe}"));
        let mut command = command("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        // It stores its last configuration in the home folder.
        command.env("HOME", &self.folder).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
        command
    }

    fn traefik(&self, recipe: &str) -> Command {
        let (at, port) = (self.folder.display(), self.port);
        let provided = self.folder.join("provided");
        std::fs::create_dir(&provided).unwrap();
        std::fs::write(provided.join("campanile.yaml"), recipe).unwrap();
        let name = self.name;
        let tls = format!("tls:\n  certificates:\n    - certFile: {at}/{name}.pem\n      keyFile: {at}/{name}.key\n");
        std::fs::write(provided.join("certificates.yaml"), tls).unwrap();
        // The document's option for user ids with a slash.
        let option = "http.encodedCharacters.allowEncodedSlash: true";
        assert!(Kind::Traefik.section().contains(option));
        let mut command = command("traefik");
        command.args([
            format!("--providers.file.directory={}", provided.display()),
            "--providers.file.watch=false".to_owned(),
            format!("--entryPoints.websecure.address=127.0.0.1:{port}"),
            format!("--entryPoints.websecure.{}", option.replace(": ", "=")),
            "--global.checkNewVersion=false".to_owned(),
            "--global.sendAnonymousUsage=false".to_owned(),
            "--log.level=ERROR".to_owned(),
        ]);
        command
    }

    fn apache(&self, recipe: &str) -> Command {
        let (at, port) = (self.folder.display(), self.port);
        // The modules that the document names, and those that Apache always needs.
        let named = Kind::Apache.section().split_once("With the modules ").unwrap().1.split_once(',').unwrap().1;
        let named = format!("`proxy`,{}", named.split(", from").next().unwrap());
        let named = named.split('`').skip(1).step_by(2);
        let places = APACHE_MODULES.into_iter().find(|place| Path::new(place).is_dir()).unwrap();
        let modules: String = ["unixd", "authz_core", "mpm_event"]
            .into_iter()
            .chain(named)
            .map(|name| {
                format!("<IfModule !{name}_module>\nLoadModule {name}_module {places}/mod_{name}.so\n</IfModule>\n")
            })
            .collect();
        let recipe = recipe.replace("*:443", &format!("127.0.0.1:{port}")).replace("/etc/ssl", &at.to_string());
        let config = format!(
            "ServerRoot {at}\nServerName localhost\nPidFile {at}/pid\nErrorLog {at}/log\nLogLevel error\n\
             DefaultRuntimeDir {at}\n{modules}User nobody\nGroup #65534\nListen 127.0.0.1:{port}\n{recipe}"
        );
        let file = self.write("httpd.conf", &config);
        let name = ["apache2", "httpd"].into_iter().find(|name| is_there(name)).unwrap_or("apache2");
        let mut command = command(name);
        command.args(["-D", "FOREGROUND", "-f"]).arg(file);
        command
    }
}

/// A program that may be in the folders for administrators.
fn command(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", path());
    command
}

fn path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap())
}

fn is_there(name: &str) -> bool {
    std::env::split_paths(&path()).any(|folder| folder.join(name).is_file())
}

/// An nginx with these contents of `http { … }`.
pub(super) fn nginx(folder: &Path, http: &str) -> Command {
    let at = folder.display();
    let places =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    // As root it would change to a user who cannot read the files of the tests.
    let user = if Path::new("/root/.").read_dir().is_ok() { "user root;" } else { "" };
    let config = format!(
        "daemon off; {user} worker_processes 1; pid {at}/pid; error_log stderr error; events {{}}
         http {{ access_log off; {} {http} }}",
        places.join(" ")
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = command("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(folder);
    command
}

/// A running gateway, stopped when this is dropped.
pub(super) struct Running(Child);

impl Running {
    /// Starts it, and waits until this port answers.
    pub(super) fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|why| panic!("{command:?}: {why}; scripts/setup test installs it"));
        let mut running = Self(child);
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(running.0.try_wait().unwrap().is_none(), "{command:?} ended");
            assert!(began.elapsed() < BEGINNING, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

/// A gateway in front of a server, set up by a recipe, and the way to reach it over TLS.
pub(super) struct Gateway {
    name: String,
    port: u16,
    tls: TlsConnector,
    _running: Running,
}

impl Gateway {
    /// Starts it by a recipe, so that the server has this URL. Names in the recipe are replaced as `here` says.
    pub(super) async fn start(kind: Kind, recipe: &str, url: &Uri, here: &[(&str, &str)]) -> Self {
        let (name, port) = (url.host().unwrap(), url.port_u16().unwrap());
        let site = Site { folder: new_folder(), name, port };
        let recipe = here.iter().fold(recipe.to_owned(), |recipe, (there, here)| recipe.replace(there, here));
        let own = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        site.write(&format!("{name}.key"), &own.signing_key.serialize_pem());
        let mut certificate = site.write(&format!("{name}.pem"), &own.cert.pem());
        let command = match kind {
            Kind::Nginx => site.nginx(&recipe),
            Kind::Caddy => site.caddy(&recipe),
            Kind::Traefik => site.traefik(&recipe),
            Kind::Apache => site.apache(&recipe),
        };
        let running = Running::start(command, port);
        if kind == Kind::Caddy {
            certificate = site.folder.join("storage/pki/authorities/local/root.crt");
        }
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let gateway =
            Self { name: name.to_owned(), port, tls: TlsConnector::from(Arc::new(config)), _running: running };
        // Caddy creates its certificate, and Traefik reads its recipe, a moment after they start to listen.
        let began = Instant::now();
        while let Err(why) = gateway.is_ready(url).await {
            assert!(began.elapsed() < BEGINNING, "{kind:?}: {why}");
            sleep(Duration::from_millis(50)).await;
        }
        gateway
    }

    async fn is_ready(&self, url: &Uri) -> Result<(), String> {
        let stream = self.try_connect("127.0.0.1").await.map_err(|error| error.to_string())?;
        let headers = [("host", url.authority().unwrap().as_str())];
        let path = format!("{}/healthz", url.path().trim_end_matches('/'));
        let answer = Answer::of(send(stream, "GET", &path, &headers, "").await).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    }

    /// Connects from this address of the machine.
    pub(super) async fn connect(&self, from: &str) -> TlsStream<TcpStream> {
        self.try_connect(from).await.unwrap()
    }

    async fn try_connect(&self, from: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(format!("{from}:0").parse().unwrap())?;
        let stream = socket.connect(([127, 0, 0, 1], self.port).into()).await?;
        self.tls.connect(ServerName::try_from(self.name.clone()).unwrap(), stream).await
    }
}
