"""deploy/k8s keeps Kubernetes' schemas, and the `restricted` pod security standard."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml

from streams.settings import Settings, documented
from tests.servers.process import missing
from tests.unit.deploy.files import DEPLOY, load, load_all
from touchline.collect.app import BODY_WITHIN_S
from touchline.collect.run import GOODBYE_S

FOLDER = DEPLOY / "k8s"
KUSTOMIZATION = load(FOLDER / "kustomization.yaml")
MANIFESTS = [manifest for name in KUSTOMIZATION["resources"] for manifest in load_all(FOLDER / name)]
PODS = {m["metadata"]["name"]: m["spec"]["template"] for m in MANIFESTS if m["kind"] in {"Deployment", "Job"}}
POLICIES = [manifest for manifest in MANIFESTS if manifest["kind"] == "NetworkPolicy"]
CONTAINERS = {name: container for name, pod in PODS.items() for container in pod["spec"]["containers"]}
NO_SECRETS = {"TOUCHLINE_KAFKA_USER", "TOUCHLINE_COLLECT_HOST", "TOUCHLINE_NOTIFY"}
# The oldest release that is commonly run, and one far newer.
KUBERNETES = ("1.31", "1.36")


def ident(manifest: dict[str, Any]) -> str:
    """Return a manifest's kind and name."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def test_every_file_is_part_of_it() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")}

    assert files == {"kustomization.yaml", *KUSTOMIZATION["resources"]}
    assert {ident(m) for m in MANIFESTS} >= {
        "Deployment/touchline-worker", "Deployment/touchline-sink", "Job/touchline-setup",
        "Deployment/touchline-collect", "Service/touchline-collect", "PodDisruptionBudget/touchline-collect",
        "Service/touchline-worker", "Service/touchline-sink", "PodDisruptionBudget/touchline-worker",
        "Deployment/touchline-notify", "Service/touchline-notify",
    }  # fmt: skip


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=ident)
def test_every_manifest_keeps_its_schema(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_pods_are_not_root_and_know_no_account(name: str) -> None:
    spec = PODS[name]["spec"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", PODS)
def test_kubernetes_adds_no_variables_that_the_settings_would_refuse(name: str) -> None:
    assert PODS[name]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_locked_down_and_pinned(name: str) -> None:
    container = CONTAINERS[name]
    security = container["securityContext"]

    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert re.fullmatch(r"touchline:\d+\.\d+\.\d+", container["image"])
    assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
    assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"]["requests"].keys()


@pytest.mark.parametrize(
    ("name", "port", "of_metrics"),
    [
        ("touchline-worker", 9464, "touchline-worker"),
        ("touchline-sink", 9465, "touchline-sink"),
        ("touchline-collect", 9466, "touchline-collect-metrics"),
        ("touchline-notify", 9467, "touchline-notify"),
    ],
)
def test_probes_and_service_reach_the_port_that_is_served(name: str, port: int, of_metrics: str) -> None:
    container = CONTAINERS[name]
    (service,) = [m for m in MANIFESTS if ident(m) == f"Service/{of_metrics}"]

    assert {"name": "metrics", "containerPort": port} in container["ports"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert service["spec"]["publishNotReadyAddresses"] is True, "who waits is to be seen waiting"
    assert service["spec"]["ports"] == [{"name": "metrics", "port": port, "targetPort": "metrics"}]
    assert service["spec"]["selector"].items() <= PODS[name]["metadata"]["labels"].items()


def test_settings_exist_and_secrets_are_elsewhere() -> None:
    known = {setting.variable for setting in documented()}
    (shared,) = KUSTOMIZATION["configMapGenerator"]
    given = {literal.split("=")[0] for literal in shared["literals"]}

    assert given <= known
    assert "TOUCHLINE_CLICKHOUSE" not in given
    for container in CONTAINERS.values():
        for variable in container.get("env", []):
            assert variable["name"] in known
            assert variable["name"] in NO_SECRETS or "secretKeyRef" in variable["valueFrom"]


@pytest.mark.parametrize(
    ("name", "user", "secrets"),
    [
        ("touchline-setup", "touchline_owner", {"kafka-owner", "clickhouse-owner"}),
        ("touchline-worker", "touchline_worker", {"kafka-worker", "pseudonym"}),
        ("touchline-sink", "touchline_sink", {"kafka-sink", "clickhouse-writer"}),
        ("touchline-collect", "touchline_publisher", {"kafka-publisher", "collect-keys"}),
        ("touchline-notify", "touchline_notify", {"kafka-notify"}),
    ],
)
def test_each_pod_logs_in_as_its_own_user_and_knows_no_other_password(name: str, user: str, secrets: set[str]) -> None:
    variables = {variable["name"]: variable for variable in CONTAINERS[name]["env"]}
    (shared,) = KUSTOMIZATION["configMapGenerator"]

    assert variables["TOUCHLINE_KAFKA_USER"]["value"] == user
    assert {v["valueFrom"]["secretKeyRef"]["key"] for v in variables.values() if "valueFrom" in v} == secrets
    shares = [{"configMapRef": {"name": "touchline"}}]
    # What targets need has names of the operator's own.
    own = [{"secretRef": {"name": name}}] if name == "touchline-notify" else []
    assert "envFrom" not in CONTAINERS[name] or CONTAINERS[name]["envFrom"] == shares + own
    assert "TOUCHLINE_KAFKA_SECURITY=sasl_ssl" in shared["literals"], "passwords do not cross a network in the clear"


@pytest.mark.parametrize("name", PODS)
def test_folders_have_a_size_and_the_certificates_are_where_the_settings_say(name: str) -> None:
    volumes = {volume["name"]: volume for volume in PODS[name]["spec"]["volumes"]}
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in CONTAINERS[name]["volumeMounts"]}
    (shared,) = KUSTOMIZATION["configMapGenerator"]
    settings = dict(literal.split("=", 1) for literal in shared["literals"])

    assert {mount for mount, volume in mounted.items() if "emptyDir" in volume} == {"/tmp"}  # noqa: S108  # the pod's own
    assert all(re.fullmatch(r"\d+Mi", v["emptyDir"]["sizeLimit"]) for v in volumes.values() if "emptyDir" in v)
    assert mounted[settings["TOUCHLINE_KAFKA_CAFILE"].rpartition("/")[0]]["configMap"]["name"] == "touchline-kafka-ca"


def selected(policy: dict[str, Any]) -> set[str]:
    """Return the pods that a policy is about."""
    selector = policy["spec"]["podSelector"]
    if selector == {"matchLabels": {"app.kubernetes.io/part-of": "touchline"}}:
        return set(PODS)  # kustomize gives them all the label
    (rule,) = selector["matchExpressions"]
    assert (rule["key"], rule["operator"]) == ("app.kubernetes.io/component", "In")
    return {name for name, pod in PODS.items() if pod["metadata"]["labels"][rule["key"]] in rule["values"]}


def reached(direction: str, peers: str, name: str) -> set[tuple[str, object]]:
    """Return the namespaces and ports that policies open for a pod, in a direction."""
    found: set[tuple[str, object]] = set()
    for policy in POLICIES:
        if name in selected(policy):
            for rule in policy["spec"].get(direction, []):
                for peer in rule[peers]:
                    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                    found |= {(namespace, port["port"]) for port in rule["ports"]}
    return found


def test_no_pod_speaks_to_anybody_whom_it_need_not_reach() -> None:
    names, kafka = {("kube-system", 53)}, {("kafka", 9093)}
    clickhouse = {("clickhouse", 9000), ("clickhouse", 9440)}
    to = {name: reached("egress", "to", name) for name in PODS}
    by = {name: reached("ingress", "from", name) for name in PODS}
    denied = [p for p in POLICIES if selected(p) == set(PODS) and not {"ingress", "egress"} & p["spec"].keys()]

    assert [policy["spec"]["policyTypes"] for policy in denied] == [["Ingress", "Egress"]]
    assert to == {
        "touchline-worker": names | kafka,
        "touchline-sink": names | kafka | clickhouse,
        "touchline-setup": names | kafka | clickhouse,
        "touchline-collect": names | kafka,
        "touchline-notify": names | kafka,
    }
    assert by == {
        "touchline-worker": {("monitoring", "metrics")},
        "touchline-sink": {("monitoring", "metrics")},
        "touchline-setup": set(),
        "touchline-collect": {("monitoring", "metrics"), ("ingress-nginx", "http")},
        "touchline-notify": {("monitoring", "metrics")},
    }


def test_the_deliverer_does_not_run_until_it_is_asked_for_and_finds_its_targets() -> None:
    (deployment,) = [m for m in MANIFESTS if ident(m) == "Deployment/touchline-notify"]
    variables = {variable["name"]: variable.get("value", "") for variable in CONTAINERS["touchline-notify"]["env"]}
    folder, _, file = variables["TOUCHLINE_NOTIFY"].rpartition("/")
    volumes = {volume["name"]: volume for volume in PODS["touchline-notify"]["spec"]["volumes"]}
    (mount,) = [m for m in CONTAINERS["touchline-notify"]["volumeMounts"] if m["mountPath"] == folder]

    assert deployment["spec"]["replicas"] == 0
    assert file == "targets.toml"
    assert volumes[mount["name"]]["configMap"]["name"] == "touchline-notify"
    assert PODS["touchline-notify"]["spec"]["terminationGracePeriodSeconds"] >= Settings().notify_timeout_s + GOODBYE_S


def test_clients_reach_the_collector_where_it_listens_and_not_without_a_key() -> None:
    container = CONTAINERS["touchline-collect"]
    (service,) = [m for m in MANIFESTS if ident(m) == "Service/touchline-collect"]
    variables = {variable["name"]: variable for variable in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    assert ports["http"] == Settings().collect_port
    assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert service["spec"]["selector"].items() <= PODS["touchline-collect"]["metadata"]["labels"].items()
    assert variables["TOUCHLINE_COLLECT_HOST"]["value"] == "0.0.0.0"  # noqa: S104  # of the pod
    assert variables["TOUCHLINE_COLLECT_KEYS"]["valueFrom"]["secretKeyRef"]["key"] == "collect-keys"
    # The largest body, the longest wait for Kafka, and some more for the rest.
    least = BODY_WITHIN_S + Settings().collect_wait_s
    assert PODS["touchline-collect"]["spec"]["terminationGracePeriodSeconds"] >= least + GOODBYE_S


def test_kafka_is_where_the_policy_lets_pods_go() -> None:
    (shared,) = KUSTOMIZATION["configMapGenerator"]
    settings = dict(literal.split("=", 1) for literal in shared["literals"])
    host, port = settings["TOUCHLINE_KAFKA"].rsplit(":", 1)

    assert (host.split(".")[1], int(port)) in reached("egress", "to", "touchline-worker")


def test_kustomize_renders_it() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        missing("kubectl is not installed: it renders deploy/k8s")
    rendered = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)

    assert rendered.returncode == 0, rendered.stderr
    manifests = list(yaml.safe_load_all(rendered.stdout))
    assert {ident(m) for m in manifests} >= {ident(m) for m in MANIFESTS}
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES[0], strict=True)
        assert manifest["metadata"]["labels"]["app.kubernetes.io/part-of"] == "touchline"
