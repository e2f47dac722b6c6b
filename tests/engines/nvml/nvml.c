/* A stand-in for NVIDIA's libnvidia-ml.so.1: the few functions that kit.engines.devices calls.

   It is loaded by the real nvidia-ml-py. $KIT_FAKE_NVML names a file with one GPU per line,

       GPU-uuid  model  total-MB  used-MB  pid,pid,...     (- where no process computes)
       GPU-uuid  lost                                      (fell off the bus)
       MIG-uuid  model  total-MB  used-MB  pid,pid,...     (a part of the GPU above it)

   which is read anew by every call, so that tests can change it under a running kit. Without the
   variable there is no driver. As in a real container, $NVIDIA_VISIBLE_DEVICES hides GPUs.

   $KIT_FAKE_NVML_CUDA is the CUDA version that the driver runs, such as 12040; by default it tells
   of none, so that runs on stand-ins go on without torch's CUDA.

   What is in the way of real ones: $KIT_FAKE_NVML_INIT is the code that the initialisation answers;
   a query whose name stands in $KIT_FAKE_NVML_REFUSES (memory, processes, name, driver) is not
   supported, or, for processes, not known. The numbers of a part's instances are 1 and 2. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9, FUNCTION_NOT_FOUND = 13, LOST = 15
};
enum { MAX_GPUS = 64, MAX_PIDS = 64, MAX_PARTS = 7 };

typedef struct {
    char uuid[96], model[96];
    unsigned long long total, used;
    unsigned pids[MAX_PIDS], count;
    int lost, visible, whole; /* of a part: the index of the GPU that it belongs to, else -1 */
} gpu;

typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } process;

static int visible(const char *uuid) {
    const char *list = getenv("NVIDIA_VISIBLE_DEVICES");
    return !list || !strcmp(list, "all") || strstr(list, uuid) != NULL;
}

static int refuses(const char *query) {
    const char *list = getenv("KIT_FAKE_NVML_REFUSES");
    return list && strstr(list, query) != NULL;
}

static int parse(char *line, gpu *out) {
    char pids[512] = "-";
    memset(out, 0, sizeof *out);
    int fields = sscanf(line, "%95s %95s %llu %llu %511s",
                        out->uuid, out->model, &out->total, &out->used, pids);
    if (fields < 2) return 0;
    out->visible = visible(out->uuid);
    out->lost = !strcmp(out->model, "lost");
    out->total <<= 20, out->used <<= 20;
    if (strcmp(pids, "-"))
        for (char *pid = strtok(pids, ","); pid && out->count < MAX_PIDS; pid = strtok(NULL, ","))
            out->pids[out->count++] = (unsigned)atoi(pid);
    return 1;
}

/* Reads all GPUs and parts; returns how many, or -1 without a driver. */
static int gpus(gpu *out) {
    const char *name = getenv("KIT_FAKE_NVML");
    FILE *file = name ? fopen(name, "r") : NULL;
    char line[1024];
    int count = 0, whole = -1;
    if (!file) return -1;
    while (count < MAX_GPUS && fgets(line, sizeof line, file)) {
        if (!parse(line, &out[count])) continue;
        int part = whole >= 0 && !strncmp(out[count].uuid, "MIG-", 4);
        out[count].whole = part ? whole : -1;
        if (part) out[whole].visible |= out[count].visible;
        else whole = count;
        count++;
    }
    fclose(file);
    return count;
}

/* A handle is an index + 1. Looks for the n-th visible GPU (whole -1), or part of a GPU. */
static void *nth(unsigned n, int whole) {
    static gpu all[MAX_GPUS];
    int count = gpus(all);
    for (int index = 0; index < count; index++)
        if (all[index].visible && all[index].whole == whole && n-- == 0)
            return (void *)(size_t)(index + 1);
    return NULL;
}

static int find(void *handle, gpu *out) {
    static gpu all[MAX_GPUS];
    int index = (int)(size_t)handle - 1;
    if (index < 0 || index >= gpus(all)) return LOST;
    *out = all[index];
    return out->lost ? LOST : SUCCESS;
}

static int text(const char *from, char *to, unsigned size) {
    snprintf(to, size, "%s", from);
    return SUCCESS;
}

int nvmlInitWithFlags(unsigned flags) {
    static gpu all[MAX_GPUS];
    const char *code = getenv("KIT_FAKE_NVML_INIT");
    (void)flags;
    if (code) return atoi(code);
    return gpus(all) < 0 ? DRIVER_NOT_LOADED : SUCCESS;
}

int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    switch (code) {
        case SUCCESS: return "Success";
        case DRIVER_NOT_LOADED: return "Driver Not Loaded";
        case LOST: return "GPU is lost";
        case 4: return "Insufficient Permissions";
        case 18: return "Driver/library version mismatch";
        case 999: return "Unknown Error";
        default: return "Invalid Argument";
    }
}

int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    return refuses("driver") ? 999 : text("stand-in", out, size);
}

int nvmlSystemGetCudaDriverVersion(int *version) {
    const char *number = getenv("KIT_FAKE_NVML_CUDA");
    if (!number) return NOT_SUPPORTED;
    return *version = atoi(number), SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    static gpu all[MAX_GPUS];
    if (gpus(all) < 0) return DRIVER_NOT_LOADED;
    for (*count = 0; nth(*count, -1);) ++*count;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    *handle = nth(index, -1);
    return *handle ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    static gpu all[MAX_GPUS];
    int count = gpus(all), whole = (int)(size_t)handle - 1;
    for (int index = 0; index < count; index++)
        if (all[index].whole == whole) return *current = *pending = 1, SUCCESS;
    return NOT_SUPPORTED;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) {
    (void)handle;
    *count = MAX_PARTS;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **part) {
    *part = nth(index, (int)(size_t)handle - 1);
    return *part ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *part, void **handle) {
    gpu found;
    int code = find(part, &found);
    *handle = (void *)(size_t)(found.whole + 1);
    return code;
}

int nvmlDeviceGetGpuInstanceId(void *handle, unsigned *number) {
    (void)handle;
    return *number = 1, SUCCESS;
}

int nvmlDeviceGetComputeInstanceId(void *handle, unsigned *number) {
    (void)handle;
    return *number = 2, SUCCESS;
}

int nvmlDeviceGetUUID(void *handle, char *out, unsigned size) {
    gpu found;
    int code = find(handle, &found);
    return code == SUCCESS ? text(found.uuid, out, size) : code;
}

int nvmlDeviceGetName(void *handle, char *out, unsigned size) {
    gpu found;
    if (refuses("name")) return NOT_SUPPORTED;
    int code = find(handle, &found);
    return code == SUCCESS ? text(found.model, out, size) : code;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory *out) {
    gpu found;
    if (refuses("memory")) return NOT_SUPPORTED;
    int code = find(handle, &found);
    if (code != SUCCESS) return code;
    *out = (memory){found.total, found.total - found.used, found.used};
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, process *out) {
    gpu found;
    if (refuses("processes")) return FUNCTION_NOT_FOUND;
    int code = find(handle, &found);
    if (code != SUCCESS) return code;
    unsigned room = *count;
    *count = found.count;
    if (found.count > room) return INSUFFICIENT_SIZE;
    for (unsigned each = 0; each < found.count; each++)
        out[each] = (process){found.pids[each], 0, 0, 0};
    return SUCCESS;
}
