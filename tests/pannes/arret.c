/* Count what a process does to the files of one folder, and die at the n-th of it: preloaded by `python -m pannes`.
 *
 * Calls of libc are counted, whoever makes them (Python, DuckDB, Arrow). `panne_armer` arms the process that calls it;
 * at event `cible` it says what it was about to do, then kills itself as kill -9 would. With `moitie`, a write is half
 * made first. With `refus` (ENOSPC, EROFS), it lives, and what needs room, or any change, is refused from there on.
 * Cible 0 counts and tells every event.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOITIE = 1, REFUSE = 2 };
static char dossier[PATH_MAX], etape[64] = "autre";
static size_t longueur;
static long cible, compte;
static int moitie, refus, recit = -1;

void panne_armer(const char *sous, long ou, int a_moitie, int fd, int erreur) {
  strncpy(dossier, sous, sizeof dossier - 1);
  cible = ou, moitie = a_moitie, recit = fd, refus = erreur, compte = 0;
  __atomic_store_n(&longueur, strlen(dossier), __ATOMIC_RELEASE);
}

void panne_etape(const char *nom) { strncpy(etape, nom, sizeof etape - 1); }

static void mourir(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int refuse(const char *geste) {
  if (!strcmp(geste, "fsync")) return 0;
  if (refus == ENOSPC && (!strcmp(geste, "unlink") || !strcmp(geste, "chmod") || !strcmp(geste, "rename"))) return 0;
  errno = refus;
  return REFUSE;
}

/* 0: go on; MOITIE: make half of this write, then `mourir`; REFUSE: fail, errno is set. */
static int evenement(const char *geste, const char *chemin) {
  if (strncmp(chemin, dossier, longueur) != 0) return 0;
  long n = __atomic_add_fetch(&compte, 1, __ATOMIC_SEQ_CST);
  if (cible && (refus ? n < cible : n != cible)) return 0;
  if (!cible || n == cible) {
    char ligne[2 * PATH_MAX];
    int lus = snprintf(ligne, sizeof ligne, "%ld\t%s\t%s\t%s\n", n, geste, etape, chemin + longueur);
    syscall(SYS_write, recit, ligne, lus);
  }
  if (!cible) return 0;
  if (refus) return refuse(geste);
  if (moitie && strcmp(geste, "write") == 0) return MOITIE;
  mourir();
  return 0;
}

static int par_fd(const char *geste, int fd) {
  if (!__atomic_load_n(&longueur, __ATOMIC_ACQUIRE)) return 0;
  char lien[64], chemin[PATH_MAX];
  snprintf(lien, sizeof lien, "/proc/self/fd/%d", fd);
  ssize_t lus = readlink(lien, chemin, sizeof chemin - 1);
  if (lus <= 0 || chemin[0] != '/') return 0;
  chemin[lus] = 0;
  return evenement(geste, chemin);
}

static int par_chemin(const char *geste, int dirfd, const char *nom) {
  if (!__atomic_load_n(&longueur, __ATOMIC_ACQUIRE) || !nom) return 0;
  char chemin[2 * PATH_MAX];
  if (nom[0] == '/') {
    return evenement(geste, nom);
  }
  ssize_t lus;
  if (dirfd == AT_FDCWD) {
    lus = getcwd(chemin, PATH_MAX) ? (ssize_t)strlen(chemin) : -1;
  } else {
    char lien[64];
    snprintf(lien, sizeof lien, "/proc/self/fd/%d", dirfd);
    lus = readlink(lien, chemin, PATH_MAX - 1);
  }
  if (lus <= 0) return 0;
  snprintf(chemin + lus, PATH_MAX, "/%s", nom);
  return evenement(geste, chemin);
}

#define VRAI(nom) static __typeof__(nom) *vrai; if (!vrai) vrai = (__typeof__(nom) *)dlsym(RTLD_NEXT, #nom)

ssize_t write(int fd, const void *p, size_t n) {
  VRAI(write);
  int dit = par_fd("write", fd);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(fd, p, n / 2); mourir(); }
  return vrai(fd, p, n);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t o) {
  VRAI(pwrite);
  int dit = par_fd("write", fd);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(fd, p, n / 2, o); mourir(); }
  return vrai(fd, p, n, o);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t o) {
  VRAI(pwrite64);
  int dit = par_fd("write", fd);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(fd, p, n / 2, o); mourir(); }
  return vrai(fd, p, n, o);
}
ssize_t writev(int fd, const struct iovec *v, int n) {
  VRAI(writev);
  int dit = par_fd("write", fd);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(fd, v, n / 2); mourir(); }
  return vrai(fd, v, n);
}
ssize_t sendfile(int out, int in, off_t *o, size_t n) {
  VRAI(sendfile);
  int dit = par_fd("write", out);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(out, in, o, n / 2); mourir(); }
  return vrai(out, in, o, n);
}
ssize_t sendfile64(int out, int in, off64_t *o, size_t n) {
  VRAI(sendfile64);
  int dit = par_fd("write", out);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(out, in, o, n / 2); mourir(); }
  return vrai(out, in, o, n);
}
ssize_t copy_file_range(int in, off64_t *oi, int out, off64_t *oo, size_t n, unsigned f) {
  VRAI(copy_file_range);
  int dit = par_fd("write", out);
  if (dit == REFUSE) return -1;
  if (dit == MOITIE) { vrai(in, oi, out, oo, n / 2, f); mourir(); }
  return vrai(in, oi, out, oo, n, f);
}
int fsync(int fd) { VRAI(fsync); if (par_fd("fsync", fd)) return -1; return vrai(fd); }
int fdatasync(int fd) { VRAI(fdatasync); if (par_fd("fsync", fd)) return -1; return vrai(fd); }
int ftruncate(int fd, off_t n) { VRAI(ftruncate); if (par_fd("truncate", fd)) return -1; return vrai(fd, n); }
int ftruncate64(int fd, off64_t n) { VRAI(ftruncate64); if (par_fd("truncate", fd)) return -1; return vrai(fd, n); }
int fchmod(int fd, mode_t m) { VRAI(fchmod); if (par_fd("chmod", fd)) return -1; return vrai(fd, m); }
int chmod(const char *p, mode_t m) { VRAI(chmod); if (par_chemin("chmod", AT_FDCWD, p)) return -1; return vrai(p, m); }

int rename(const char *a, const char *b) { VRAI(rename); if (par_chemin("rename", AT_FDCWD, b)) return -1; return vrai(a, b); }
int renameat(int da, const char *a, int db, const char *b) {
  VRAI(renameat);
  if (par_chemin("rename", db, b)) return -1;
  return vrai(da, a, db, b);
}
int link(const char *a, const char *b) { VRAI(link); if (par_chemin("link", AT_FDCWD, b)) return -1; return vrai(a, b); }
int linkat(int da, const char *a, int db, const char *b, int f) {
  VRAI(linkat);
  if (par_chemin("link", db, b)) return -1;
  return vrai(da, a, db, b, f);
}
int symlink(const char *a, const char *b) { VRAI(symlink); if (par_chemin("symlink", AT_FDCWD, b)) return -1; return vrai(a, b); }
int symlinkat(const char *a, int d, const char *b) { VRAI(symlinkat); if (par_chemin("symlink", d, b)) return -1; return vrai(a, d, b); }
int unlink(const char *p) { VRAI(unlink); if (par_chemin("unlink", AT_FDCWD, p)) return -1; return vrai(p); }
int unlinkat(int d, const char *p, int f) { VRAI(unlinkat); if (par_chemin("unlink", d, p)) return -1; return vrai(d, p, f); }
int remove(const char *p) { VRAI(remove); if (par_chemin("unlink", AT_FDCWD, p)) return -1; return vrai(p); }
int rmdir(const char *p) { VRAI(rmdir); if (par_chemin("unlink", AT_FDCWD, p)) return -1; return vrai(p); }
int mkdir(const char *p, mode_t m) { VRAI(mkdir); if (par_chemin("mkdir", AT_FDCWD, p)) return -1; return vrai(p, m); }
int mkdirat(int d, const char *p, mode_t m) { VRAI(mkdirat); if (par_chemin("mkdir", d, p)) return -1; return vrai(d, p, m); }

static int change(int drapeaux) { return drapeaux & (O_CREAT | O_TRUNC); }
#define MODE(drapeaux) \
  mode_t m = 0; \
  if (change(drapeaux)) { va_list s; va_start(s, drapeaux); m = va_arg(s, mode_t); va_end(s); }

int open(const char *p, int f, ...) {
  VRAI(open);
  MODE(f)
  if (change(f) && par_chemin("open", AT_FDCWD, p)) return -1;
  return vrai(p, f, m);
}
int open64(const char *p, int f, ...) {
  VRAI(open64);
  MODE(f)
  if (change(f) && par_chemin("open", AT_FDCWD, p)) return -1;
  return vrai(p, f, m);
}
int openat(int d, const char *p, int f, ...) {
  VRAI(openat);
  MODE(f)
  if (change(f) && par_chemin("open", d, p)) return -1;
  return vrai(d, p, f, m);
}
int openat64(int d, const char *p, int f, ...) {
  VRAI(openat64);
  MODE(f)
  if (change(f) && par_chemin("open", d, p)) return -1;
  return vrai(d, p, f, m);
}
FILE *fopen(const char *p, const char *q) {
  VRAI(fopen);
  if (strpbrk(q, "wa+") && par_chemin("open", AT_FDCWD, p)) return NULL;
  return vrai(p, q);
}
FILE *fopen64(const char *p, const char *q) {
  VRAI(fopen64);
  if (strpbrk(q, "wa+") && par_chemin("open", AT_FDCWD, p)) return NULL;
  return vrai(p, q);
}
