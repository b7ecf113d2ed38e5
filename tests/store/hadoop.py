"""HDFS and YARN on this machine, in one JVM: the clusters that Hadoop tests itself with."""

from dataclasses import dataclass
from pathlib import Path

from py4j.java_gateway import JavaGateway

from smart_trader.launch import setup, submit
from tests.reliability.processes import HOME
from tests.store.cluster import LITTLE_JAVA, bare_python

MEMORY_MB = 5120
"""Of all drivers and executors at a time."""
FOR_CLIENTS = ("fs.defaultFS", "yarn.resourcemanager.address", "yarn.resourcemanager.scheduler.address")
"""Where clients find the servers; the rest of what these are told is of no use to them."""
OPENED = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.io", "java.util")]
"""What libraries of Hadoop look into."""
DEFAULTS = """\
spark.yarn.jars                        local:{spark}/jars/*
spark.executor.instances               1
spark.driver.extraJavaOptions          {java}
spark.executor.extraJavaOptions        {java}
spark.sql.codegen.wholeStage           false
spark.sql.codegen.factoryMode          NO_CODEGEN
"""
"""What only this cluster knows; compiling the plans of few rows takes longer than running them."""


@dataclass
class Hadoop:
    """Its files are in `folder`."""

    folder: Path

    def __enter__(self) -> "Hadoop":
        bare_python(self.folder / "python", packages=())
        installed = setup.ensure(HOME, ("minicluster",))
        with (self.folder / "hadoop.log").open("w") as log:
            self._gateway = JavaGateway.launch_gateway(
                classpath=":".join(map(str, [submit.spark_home() / "jars" / "*", *installed.jars])),
                javaopts=["-Xmx768m", *LITTLE_JAVA.split(), f"-Dtest.build.data={self.folder}", *OPENED],
                java_path=str(installed.java_home / "bin" / "java"),
                die_on_exit=True,
                cwd=str(self.folder),
                redirect_stderr=log,
            )
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = self._gateway.java_process
        self._gateway.shutdown()
        process.kill()
        process.wait()
        process.stdin.close()

    @property
    def address(self) -> str:
        return f"hdfs://127.0.0.1:{self._files.getNameNodePort()}"

    @property
    def conf(self) -> Path:
        """The folder of the files that clients read."""
        return self.folder / "conf"

    def put(self, file: Path, name: str) -> None:
        """Copy a file into the root of HDFS."""
        path = self._gateway.jvm.org.apache.hadoop.fs.Path
        self._files.getFileSystem().copyFromLocalFile(path(str(file)), path(f"/{name}"))

    def holds(self, place: str) -> bool:
        """Whether there is such a file or folder in HDFS."""
        return bool(self._files.getFileSystem().exists(self._gateway.jvm.org.apache.hadoop.fs.Path(place)))

    def attempts(self, application: str) -> int:
        """How often YARN started the driver of the application of that name."""
        known = self._yarn.getResourceManager().getRMContext().getRMApps().values()
        return sum(found.getAppAttempts().size() for found in known if found.getName() == application)

    def _start(self) -> None:
        java = self._gateway.jvm
        conf = java.org.apache.hadoop.yarn.conf.YarnConfiguration()
        for name, value in self._confs().items():
            conf.set(name, value)
        builder = getattr(java.org.apache.hadoop.hdfs, "MiniDFSCluster$Builder")
        self._files = builder(conf, java.java.io.File(str(self.folder / "hdfs"))).numDataNodes(1).build()
        self._files.waitActive()
        self._yarn = java.org.apache.hadoop.yarn.server.MiniYARNCluster("yarn", 1, 1, 1)
        self._yarn.init(conf)
        self._yarn.start()
        assert self._yarn.waitForNodeManagersToConnect(60_000)
        self._write_conf()

    def _write_conf(self) -> None:
        self.conf.mkdir()
        known = self._yarn.getConfig()
        lines = [f"<property><name>{name}</name><value>{known.get(name)}</value></property>" for name in FOR_CLIENTS]
        text = "\n".join(["<configuration>", *lines, "</configuration>", ""])
        for file in ("core-site.xml", "yarn-site.xml"):
            (self.conf / file).write_text(text, encoding="utf-8")
        defaults = DEFAULTS.format(spark=submit.spark_home(), java=LITTLE_JAVA)
        (self.conf / "spark-defaults.conf").write_text(defaults, encoding="utf-8")

    def _confs(self) -> dict[str, str]:
        scheduler = "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler"
        return {
            "dfs.replication": "1",
            "yarn.resourcemanager.scheduler.class": scheduler,
            "yarn.minicluster.yarn.nodemanager.resource.memory-mb": str(MEMORY_MB),
            "yarn.scheduler.minimum-allocation-mb": "128",
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
            "yarn.nodemanager.admin-env": f"PATH={self.folder}/python/bin:/usr/bin:/bin",
        }
