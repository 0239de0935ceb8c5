//! What the program says about its own command line, and the unit it runs in as a service.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::arguments::Cli;
use super::output::{Failure, text};

/// Prints the script that completes commands in `shell`.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "luna", &mut script);
    text(&String::from_utf8_lossy(&script))
}

/// Prints the manual page: the program first, then each of its commands.
pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let command = Cli::command();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut page);
    let mut subcommands = command.get_subcommands();
    rendered
        .and_then(|()| subcommands.try_for_each(|sub| describe(sub, "luna", &mut page)))
        .map_err(Failure::bug)?;
    text(&String::from_utf8_lossy(&page))
}

/// Writes the sections of a command and of those below it.
fn describe(command: &Command, parent: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    use std::io::Write;
    let name = format!("{parent} {}", command.get_name());
    writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
    let man = clap_mangen::Man::new(command.clone().bin_name(&name));
    man.render_description_section(page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(page)?;
    }
    command.get_subcommands().try_for_each(|sub| describe(sub, &name, page))
}

/// Prints a unit for systemd: a user of its own, nothing writable but the data, ended when it
/// stops making sense to start it again.
pub(super) fn systemd(program: &Path) -> Result<(), Failure> {
    text(&unit(&program.display().to_string()))
}

fn unit(program: &str) -> String {
    // A space in a path would end the word.
    let program = program.replace(' ', "\\x20");
    format!(
        "\
# sudo luna systemd | sudo tee /etc/systemd/system/luna.service
# sudo systemctl daemon-reload && sudo systemctl enable --now luna
[Unit]
Description=Luna, energy management on the premises
Wants=network-online.target
After=network-online.target postgresql.service

[Service]
Type=exec
ExecStart={program} serve
# Settings: /etc/luna/*.toml; secrets: /etc/luna/luna.env, for root's eyes only.
Environment=LUNA_CONFIG_DIR=/etc/luna LUNA_DATA_DIR=/var/lib/luna/data OMP_WAIT_POLICY=passive
EnvironmentFile=-/etc/luna/luna.env
WorkingDirectory=/var/lib/luna
StateDirectory=luna
StateDirectoryMode=0750
LogsDirectory=luna
User=luna
DynamicUser=yes
UMask=0077
Restart=on-failure
RestartSec=2
# 1: the settings or the world are wrong; starting again would not help.
RestartPreventExitStatus=1
TimeoutStartSec=5min
TimeoutStopSec=60
KillMode=mixed
LimitNOFILE=65536
MemoryMax=2G
TasksMax=512

AmbientCapabilities=
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"
    )
}
