#!/usr/bin/env bash
# What a container does: with the argument `executor`, as Spark gives it, an executor; with any others, bin/submit.sh.
set -euo pipefail
home=${SMART_TRADER_HOME:-/opt/smart-trader}

if [ "${1:-}" != executor ]; then
    exec "$home/bin/submit.sh" "$@"
fi

SPARK_HOME=$(echo "$home"/.venv/lib/python3*/site-packages/pyspark)
export SPARK_HOME # where an executor looks for PySpark
options=()
for name in "${!SPARK_JAVA_OPT_@}"; do
    options+=("${!name}")
done
exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "${SPARK_CONF_DIR:+$SPARK_CONF_DIR:}${SPARK_CLASSPATH:+$SPARK_CLASSPATH:}$SPARK_HOME/jars/*" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" \
    --executor-id "$SPARK_EXECUTOR_ID" \
    --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" \
    --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
    --podName "$SPARK_EXECUTOR_POD_NAME"
