//! nginx as an upstream: static files, and `git http-backend` behind fcgiwrap.

use crate::harness::{free_port, wait};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running nginx, with fcgiwrap beside it when it serves git.
pub(crate) struct Nginx {
    pub(crate) port: u16,
    processes: Vec<Child>,
}

impl Nginx {
    /// Serves the repositories below `root` over smart HTTP; what is fetched is slowed to 8 MB/s.
    pub(crate) fn git(folder: &Path, root: &Path) -> Self {
        let socket = folder.join("fcgi.sock");
        let fcgiwrap = Command::new(program("fcgiwrap"))
            .args(["-c", "4", "-s", &format!("unix:{}", socket.display())])
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("fcgiwrap listens", || socket.exists());
        let exec_path = Command::new("git").arg("--exec-path").output().unwrap().stdout;
        let backend = Path::new(String::from_utf8(exec_path).unwrap().trim()).join("git-http-backend");
        let location = format!(
            "location / {{
                limit_rate_after 4m;
                limit_rate 8m;
                fastcgi_pass unix:{socket};
                fastcgi_read_timeout 300;
                fastcgi_param SCRIPT_FILENAME {backend};
                fastcgi_param GIT_PROJECT_ROOT {root};
                fastcgi_param GIT_HTTP_EXPORT_ALL '';
                fastcgi_param REMOTE_USER $http_writ_identity;
                fastcgi_param PATH_INFO $uri;
                fastcgi_param QUERY_STRING $query_string;
                fastcgi_param REQUEST_METHOD $request_method;
                fastcgi_param CONTENT_TYPE $content_type;
                fastcgi_param CONTENT_LENGTH $content_length;
            }}",
            socket = socket.display(),
            backend = backend.display(),
            root = root.display(),
        );
        let mut nginx = Self::start(folder, &location);
        nginx.processes.push(fcgiwrap);
        nginx
    }

    /// Serves the files below `root`.
    pub(crate) fn files(folder: &Path, root: &Path) -> Self {
        // What reached it of headers that could change the meaning of a request.
        let saw =
            "add_header saw \"$http_x_http_method_override$http_x_original_url$http_writ_forged\" always;";
        Self::start(folder, &format!("location / {{ root {}; {saw} }}", root.display()))
    }

    /// Serves the files below `root` over TLS with `cert.pem` and `key.pem` of `folder`; /moved sends elsewhere.
    pub(crate) fn tls_files(folder: &Path, root: &Path) -> Self {
        let f = folder.display();
        let locations = format!(
            "ssl_certificate {f}/cert.pem; ssl_certificate_key {f}/key.pem;
            location / {{ root {}; }} location /moved {{ return 302 https://localhost:$server_port/bundle.json; }}",
            root.display()
        );
        Self::listen(folder, " ssl", &locations)
    }

    fn start(folder: &Path, location: &str) -> Self {
        Self::listen(folder, "", location)
    }

    fn listen(folder: &Path, how: &str, location: &str) -> Self {
        let port = free_port();
        let user = if is_root() { "user root;" } else { "" };
        let configuration = format!(
            "daemon off; {user} worker_processes 1; pid {f}/nginx.pid; error_log {f}/nginx.err;
            events {{ worker_connections 256; }}
            http {{
                access_log off; client_max_body_size 0;
                client_body_temp_path {f}/body; proxy_temp_path {f}/proxy; fastcgi_temp_path {f}/fastcgi;
                uwsgi_temp_path {f}/uwsgi; scgi_temp_path {f}/scgi;
                server {{ listen 127.0.0.1:{port}{how}; {location} }}
            }}",
            f = folder.display(),
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let process = Command::new(program("nginx"))
            .process_group(0)
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, processes: vec![process] }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Each leads a group: its workers end with it, also those it does not end itself.
            crate::harness::signal_group(process.id(), "TERM");
            let _ = process.wait();
        }
    }
}

fn program(name: &str) -> String {
    let system = format!("/usr/sbin/{name}");
    if Path::new(&system).exists() { system } else { name.to_owned() }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n")
}
