{% extends "plain.sh" %}
{% block check %}
        format={% raw %}'{{index .Config.Labels "kit.code"}}'{% endraw %}

        code=$(docker image inspect --format "$format" {{ image | quote }}) || exit
        [ "$code" = "$KIT_CODE" ] || { echo "its image holds other code than was submitted"; exit 1; }
{% endblock %}
{% block start %}
        id=$(docker image inspect --format {% raw %}'{{.Id}}'{% endraw %} {{ image | quote }})
        # As shut in as the containers of 'kit reproduce --engine docker'. The engine, not Slurm,
        # owns a container: hence the limits on its memory and its cores, and hence 'clean'.
        memory=${SLURM_MEM_PER_NODE:-$((${SLURM_MEM_PER_CPU:-0} * ${SLURM_CPUS_ON_NODE:-1}))}
        cores=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
        exec docker run --pull never --rm --init --name "$KIT_NAME" --label "kit.slurm=$SLURM_JOB_ID" \
            --user "$(id -u):$(id -g)" --network none --read-only --tmpfs /tmp \
            --cap-drop ALL --security-opt no-new-privileges --pids-limit 4096 --shm-size 1g \
            $([ "$memory" = 0 ] || echo "--memory ${memory}m") --cpuset-cpus "$cores" \
            --log-driver none \
            ${KIT_GPU:+--gpus "\"device=$KIT_GPU\""} --env "NVIDIA_VISIBLE_DEVICES=${KIT_GPU:-void}" \
            --volume "$KIT_RESULTS:/kit/results:ro" \
            --volume "$KIT_RESULTS/runs/$KIT_RUN:/kit/results/runs/$KIT_RUN" \
            --volume "$KIT_DATA:/kit/data:ro" \
            --volume "$KIT_LOCKS:/kit/locks" \
            --env KIT_GPU --env KIT_GPU_WAIT --env KIT_TAKE_BUSY_GPU \
            --env KIT_CHECKPOINT_SECONDS --env KIT_THREADS \
            --env "KIT_LOG=/kit/results/runs/$KIT_RUN/log.txt" \
            --env "KIT_IMAGE_ID=$id" --env KIT_IMAGE_PINNED \
            {{ image | quote }} "$@"
{% endblock %}
{% block clean %}
        docker rm --force "$KIT_NAME" > /dev/null 2>&1
{% endblock %}
