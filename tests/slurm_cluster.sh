#!/usr/bin/env bash
# Runs a command in a Slurm of its own: one node, this machine, said to have four CPUs; nothing is left of it afterwards.
#   tests/slurm_cluster.sh COMMAND [ARGUMENT...]
# Needs slurmctld, slurmd, slurm-client and munge, but not their services, nor root. Exit status: the command's; 77 if Slurm is not
# installed or does not come up here, and says why.
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd srun sinfo python3; do
  command -v $program >/dev/null || { echo "no $program here: install slurmctld slurmd slurm-client munge" >&2; exit 77; }
done
folder=$(mktemp -d /tmp/corollary-slurm.XXXXXX)  # not $TMPDIR: a socket's path is short
pids=()
leave() {
  for ((i = ${#pids[@]} - 1; i >= 0; --i)); do
    kill "${pids[i]}" 2>/dev/null
    for _ in $(seq 50); do kill -0 "${pids[i]}" 2>/dev/null || break; sleep 0.1; done
    kill -9 "${pids[i]}" 2>/dev/null
  done
  rm -rf "$folder"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP
user=$(id -un) host=$(hostname -s)
mkdir "$folder/state" "$folder/spool"
head -c 1024 /dev/urandom >"$folder/munge.key"
chmod 600 "$folder/munge.key"
read -r controller_port node_port < <(python3 -c '
import socket
ends = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[end.getsockname()[1] for end in ends])')
cat >"$folder/slurm.conf" <<C
ClusterName=corollary
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES OverSubscribe=FORCE:4 State=UP
C
export SLURM_CONF=$folder/slurm.conf
start() { # log, command
  local log=$folder/$1
  shift
  "$@" </dev/null >"$log" 2>&1 &
  pids+=($!)
}
start munged.out munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
for _ in $(seq 50); do [ -S "$folder/munge.socket" ] && break; sleep 0.1; done
start slurmctld.out slurmctld -D
start slurmd.out slurmd -D
for _ in $(seq 120); do
  [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && { "$@"; exit; }
  sleep 0.25
done
echo "Slurm does not come up here:" >&2
tail -n 5 "$folder"/*.out >&2
exit 77
