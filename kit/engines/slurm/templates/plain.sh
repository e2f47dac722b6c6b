#!/bin/bash
#SBATCH --job-name="kit {{ name }}"
#SBATCH --array=0-{{ runs - 1 }}{{ "%" ~ at_a_time if at_a_time else "" }}
#SBATCH --output="{{ folder }}/%a.out"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{{ warning }}
#SBATCH --time={{ minutes }}
{% if gpus %}
#SBATCH --gres=gpu:{{ gpus }}
{% endif %}
{% for option in options %}
#SBATCH {{ option }}
{% endfor %}

{% block site %}
# What the site needs: modules, a scratch folder. 'kit submit --template' takes other blocks.
{% endblock %}

{% for variable, value in variables.items() %}
export {{ variable }}={{ value | quote }}
{% endfor %}

# Called by Slurm, this supervises one run; the supervisor calls it again: with 'check', to see that
# the node can do it, with 'start', to become the run, and with 'clean', before and after. KIT_RUN is
# the run's folder below results/runs, KIT_NAME a name for its container, KIT_GPU its GPUs' UUIDs.
case ${1:-} in
    check)
{% block check %}
        test -x {{ python | quote }}
{% endblock %}
        ;;
    start)
        shift
{% block start %}
        exec {{ python | quote }} -m kit "$@"
{% endblock %}
        ;;
    clean)
{% block clean %}
        : # A process ends with its job.
{% endblock %}
        ;;
    *)
        unset KIT_GPU KIT_GPU_WAIT KIT_JOBS_PER_GPU # GPUs are Slurm's to choose.
        exec {{ python | quote }} -m kit.engines.slurm.node {{ folder | quote }}
        ;;
esac
