"""A library in place of libnvidia-ml.so.1, whose GPU 0 has 24 GiB and says of them what a file says."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = """
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *path = "@PATH@";

/* The file holds the used MiB, or the code of an error below 0, or `h` for a call that never returns. */
static long said(void) {
    char text[32] = "";
    long used = -999;
    FILE *file = fopen(path, "r");
    if (file) { if (!fgets(text, sizeof text, file)) text[0] = 0; fclose(file); }
    if (text[0] == 'h') for (;;) pause();
    sscanf(text, "%ld", &used);
    return used;
}

int nvmlInit_v2(void) { return said() == -9 ? 9 : 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : code == 9 ? "Driver Not Loaded" : "odd"; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index != 0) return 6;
    *handle = &path;
    return 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    if (strcmp(uuid, "GPU-1")) return 6;
    *handle = &path;
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
    long used = said();
    if (handle != &path) return 2;
    if (used < 0) return (int)-used;
    memory[0] = 24576ull << 20;
    memory[1] = (24576ull - used) << 20;
    memory[2] = (unsigned long long)used << 20;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) { rates[0] = 37; rates[1] = 5; return 0; }
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees) { *degrees = 61; return sensor ? 2 : 0; }
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) { return 3; }
"""


def make_nvml(folder: Path) -> tuple[Path, Path]:
    """Compile the library, and return it with the file that says what is used."""
    says, library = folder / "says", folder / "libnvidia-ml.so.1"
    says.write_text("600")
    command = ["cc", "-shared", "-fPIC", "-o", str(library), "-x", "c", "-"]
    subprocess.run(command, input=_SOURCE.replace("@PATH@", str(says)).encode(), check=True)
    return library, says
