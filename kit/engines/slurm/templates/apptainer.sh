{% extends "plain.sh" %}
{% block check %}
        apptainer --version > /dev/null && test -r {{ image | quote }}
{% endblock %}
{% block start %}
        # Nothing of the host but its driver and these folders; of them the run's own is writable.
        export APPTAINERENV_KIT_GPU=${KIT_GPU:-} APPTAINERENV_KIT_GPU_WAIT=${KIT_GPU_WAIT:-}
        for name in KIT_TAKE_BUSY_GPU KIT_CHECKPOINT_SECONDS KIT_THREADS; do
            [ -z "${!name:-}" ] || export "APPTAINERENV_$name=${!name}"
        done
        export APPTAINERENV_KIT_LOG=/kit/results/runs/$KIT_RUN/log.txt
        export APPTAINERENV_KIT_IMAGE_ID=$KIT_IMAGE_ID APPTAINERENV_KIT_IMAGE_PINNED=$KIT_IMAGE_PINNED
        exec apptainer run {% if gpus %}--nv {% endif %}--containall --no-home --pwd /kit \
            --bind "$KIT_RESULTS:/kit/results:ro" \
            --bind "$KIT_RESULTS/runs/$KIT_RUN:/kit/results/runs/$KIT_RUN:rw" \
            --bind "$KIT_DATA:/kit/data:ro" \
            --bind "$KIT_LOCKS:/kit/locks:rw" \
            {{ image | quote }} "$@"
{% endblock %}
