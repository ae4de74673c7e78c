#!/usr/bin/env bash
# Runs one static program for x86-64 under a whole emulated machine with AVX-512 (no BF16, no AMX): Bochs boots Debian's cloud
# kernel, whose first process runs the program. Slow to start, half a minute; but the processor's features, the vector state
# that is saved on a context switch and threads are those of a real operating system.
#
#   run_in_bochs.sh FOLDER PROGRAM [ARGUMENT...]     FOLDER keeps the kernel between runs
#
# Prints what the program wrote, and exits with its status: 128 + number if a signal ended it. 124: no end within
# 300 s; 125: the machine did not start.
set -euo pipefail

fail() { echo "run_in_bochs.sh: $*" >&2; exit 125; }
[ $# -ge 2 ] || fail "needs a folder and a program"
mkdir -p "$1"
folder=$(cd "$1" && pwd) program=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

installed() {  # PACKAGE END-OF-PATH
  dpkg -L "$1" 2>/dev/null | grep "/$2\$" | head -1 | grep . || fail "$2 of the package $1 is not installed"
}
bios=$(installed bochsbios BIOS-bochs-latest)
vga=$(installed vgabios vgabios.bin)
loader=$(installed isolinux isolinux.bin)
loader_library=$(installed syslinux-common modules/bios/ldlinux.c32)

if [ ! -s "$folder/vmlinuz" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -1)
  [ -n "$package" ] || fail "apt-cache knows no linux-image-cloud-amd64: apt-get update"
  (cd "$work" && apt-get download -q "$package" >&2) || fail "$package is not to be had"
  mkdir "$work/kernel"
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar x -C "$work/kernel" --wildcards './boot/vmlinuz*'
  mv "$work"/kernel/boot/vmlinuz* "$folder/vmlinuz"
fi

# The first process: runs /program with the arguments in /arguments, reports its status, switches the machine off.
cat >"$work/init.c" <<'C'
#include <fcntl.h>
#include <stdio.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  static char text[65536], *arguments[256];
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  mount("proc", "/proc", "proc", 0, 0);
  int file = open("/arguments", O_RDONLY);
  long size = read(file, text, sizeof text - 1);
  close(file);
  int count = 0;
  for (char* at = text; at < text + size && count < 255; ++at) {  // each ends with a zero
    arguments[count++] = at;
    while (*at) ++at;
  }
  printf("\n@begin\n");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execv("/program", arguments);
    perror("/program");
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("\n@status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  fflush(stdout);
  usleep(50000);
  if (iopl(3) == 0) {
    for (const char* c = "Shutdown"; *c; ++c) outb(*c, 0x8900);  // ends Bochs
  }
  reboot(RB_POWER_OFF);
  for (;;) pause();
}
C
mkdir -p "$work/root/dev" "$work/root/proc" "$work/disc"
gcc -O1 -static "$work/init.c" -o "$work/root/init" || fail "the first process does not build"
cp "$program" "$work/root/program"
printf '%s\0' /program "$@" >"$work/root/arguments"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/disc/initrd"
cp "$folder/vmlinuz" "$loader" "$loader_library" "$work/disc/"
# Bochs 2.7 reports sizes of saved state that the 6.1 kernel does not believe, which then turns AVX off, unless the kernel
# is told to do without XSAVEC, XSAVES and PKU. With FSRM it never comes up.
cat >"$work/disc/isolinux.cfg" <<'X'
DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND console=ttyS0,115200 quiet nokaslr panic=-1 clearcpuid=fsrm,xsavec,xsaves,pku
X
xorriso -as mkisofs -quiet -o "$work/disc.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
  -boot-info-table "$work/disc" 2>/dev/null || fail "no disc image"

# Debian's Bochs is the debugger: it waits for "c". Without the lines on sound it stops on a machine that has none.
cat >"$work/machine" <<X
cpu: model=corei7_icelake_u, count=1, ips=20000000
megs: 1024
romimage: file=$bios
vgaromimage: file=$vga
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/disc.iso, status=inserted
boot: cdrom
display_library: term
com1: enabled=1, mode=file, dev=$work/serial
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
clock: sync=none
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=true, serial=true, gameport=false, iodebug=false
X
echo c >"$work/commands"
: >"$work/serial"
ended=0
(cd "$work" && TERM=xterm timeout -s KILL 300 bochs -q -f machine -rc commands >screen 2>&1 </dev/null) 2>/dev/null || ended=$?
tr -d '\r' <"$work/serial" >"$work/output"
sed -n '/^@begin$/,$p' "$work/output" | sed '1d; /^@status /d'
status=$(sed -n 's/^@status \([0-9]*\)$/\1/p' "$work/output" | tail -1)
[ -z "$status" ] || exit "$status"
[ "$ended" != 137 ] || { echo "run_in_bochs.sh: no end within 300 s" >&2; exit 124; }
tail -3 "$work/screen" "$work/log" >&2 || true
fail "the machine stopped without an answer ($ended)"
