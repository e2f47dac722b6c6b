{% extends "plain.sh" %}
{% block check %}
        enroot version > /dev/null && test -r {{ image | quote }}
{% endblock %}
{% block start %}
        # Enroot gives a container the GPUs of NVIDIA_VISIBLE_DEVICES.
        exec env NVIDIA_VISIBLE_DEVICES="${KIT_GPU:-void}" enroot start \
            --mount "$KIT_RESULTS:/kit/results:none:bind,ro" \
            --mount "$KIT_RESULTS/runs/$KIT_RUN:/kit/results/runs/$KIT_RUN:none:bind,rw" \
            --mount "$KIT_DATA:/kit/data:none:bind,ro" \
            --mount "$KIT_LOCKS:/kit/locks:none:bind,rw" \
            --env NVIDIA_VISIBLE_DEVICES --env KIT_GPU --env KIT_GPU_WAIT \
            --env KIT_TAKE_BUSY_GPU --env KIT_CHECKPOINT_SECONDS --env KIT_THREADS \
            --env "KIT_LOG=/kit/results/runs/$KIT_RUN/log.txt" \
            --env "KIT_IMAGE_ID=$KIT_IMAGE_ID" --env "KIT_IMAGE_PINNED=$KIT_IMAGE_PINNED" \
            {{ image | quote }} "$@"
{% endblock %}
