"""Checks the Kubernetes manifests, the rule of the Prometheus adapter and the Grafana dashboard under deploy: against their
schemas, and against each other. Needs the packages pyyaml, kubernetes-validate and promql-parser; scripts/lint-deploy.sh
has them.

    lint_deploy.py [--metrics FILE]      FILE is what a server answers at /metrics
"""

import argparse
import json
import pathlib
import re
import sys

import kubernetes_validate
import promql_parser
import yaml

DEPLOY = pathlib.Path(__file__).parents[1] / "deploy"
KUBERNETES = "1.31"
LABELS = {"app.kubernetes.io/name": "inflight"}

# What a server exports, as far as the files here use it: the names of the families and of their labels.
FAMILIES = {
    "inflight_num_requests_running": (), "inflight_num_requests_waiting": (), "inflight_kv_cache_usage_ratio": (),
    "inflight_prefix_cache_hit_ratio": (), "inflight_prompt_tokens_total": (), "inflight_generation_tokens_total": (),
    "inflight_num_preemptions_total": (), "inflight_request_success_total": ("finished_reason",),
    "inflight_request_failure_total": ("reason",),
}
HISTOGRAMS = ("inflight_time_to_first_token_seconds", "inflight_inter_token_latency_seconds", "inflight_request_queue_time_seconds",
              "inflight_e2e_request_latency_seconds", "inflight_step_time_seconds")
for name in HISTOGRAMS:
    FAMILIES |= {f"{name}_bucket": ("le",), f"{name}_sum": (), f"{name}_count": ()}

problems = []


def check(condition, text):
    if not condition:
        problems.append(text)


def manifests():
    """Every object by its kind."""
    objects = {}
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for value in yaml.safe_load_all(path.read_text()):
            objects[value["kind"]] = value
            if value["kind"] == "Kustomization":
                continue
            try:
                kubernetes_validate.validate(value, KUBERNETES, strict=True)
            except kubernetes_validate.ValidationError as error:
                problems.append(f"{path.name}: {'.'.join(map(str, error.path))}: {error.message}")
    return objects


def check_manifests(objects):
    deployment = objects["Deployment"]["spec"]
    pod = deployment["template"]
    container = pod["spec"]["containers"][0]
    for where, labels in [("Deployment", deployment["selector"]["matchLabels"]), ("pods", pod["metadata"]["labels"]),
                          ("Service", objects["Service"]["spec"]["selector"]),
                          ("NetworkPolicy", objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]),
                          ("PodDisruptionBudget", objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])]:
        check(labels == LABELS, f"the labels of {where} are {labels}")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    check(f"--port={ports['http']}" in container["args"], "the port is not the one that the server listens on")
    check(pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["http"]), "another port is scraped")
    check(objects["Service"]["spec"]["ports"][0]["targetPort"] in ports, "the Service has another port")
    open_ports = [port["port"] for rule in objects["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
    check(open_ports == ["http"], "the NetworkPolicy lets clients in at another port")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        check(container[probe]["httpGet"] == {"path": "/health", "port": "http"}, f"{probe} does not ask /health")
    drain = next(int(text.split("=")[1]) for text in container["args"] if text.startswith("--drain-timeout="))
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    check(pod["spec"]["terminationGracePeriodSeconds"] > drain + pause, "pods are killed before they have drained")
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    check(mounted == {volume["name"] for volume in pod["spec"]["volumes"]}, "volumes and mounts differ")
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    check(scaler["scaleTargetRef"]["name"] == objects["Deployment"]["metadata"]["name"], "another Deployment is scaled")
    check("replicas" not in deployment, "the Deployment and the HorizontalPodAutoscaler both set the replicas")
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    check(set(objects["Kustomization"]["resources"]) == files, "the kustomization leaves files out")
    return scaler["metrics"][0]["pods"]["metric"]["name"]


def check_adapter(asked):
    rule = yaml.safe_load((DEPLOY / "prometheus-adapter-values.yaml").read_text())["rules"]["custom"][0]
    check(rule["name"]["as"] == asked, f"the HorizontalPodAutoscaler asks for {asked}, the adapter makes {rule['name']['as']}")
    check_query("the adapter's series", rule["seriesQuery"])
    query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'namespace="a",pod=~"b|c"')
    check_query("the adapter's query", query)


def check_query(where, query):
    """The query must parse, and know every family and label."""
    query = query.replace("$__rate_interval", "1m").replace("$job", ".*").replace("$instance", ".*")
    try:
        promql_parser.parse(query)
    except ValueError as error:
        problems.append(f"{where}: {query}: {error}")
        return set()
    names = set(re.findall(r"\binflight_\w+", query))
    check(names, f"{where} asks for nothing")
    for name in names:
        check(name in FAMILIES, f"{where} asks for {name}, which no server exports")
    known = {"job", "instance", "namespace", "pod", "le"} | {label for name in names for label in FAMILIES.get(name, ())}
    for group in re.findall(r"by \(([^)]*)\)", query):
        for label in re.split(r",\s*", group):
            check(label in known, f"{where} groups by {label}, which {', '.join(names)} do not have")
    return names


def check_dashboard():
    board = json.loads((DEPLOY / "grafana/inflight.json").read_text())
    for key in ("uid", "title", "schemaVersion", "panels", "templating", "time"):
        check(key in board, f"the dashboard has no {key}")
    used = set()
    taken = set()
    panels = board["panels"]
    check(len({panel["id"] for panel in panels}) == len(panels), "two panels have the same id")
    for panel in panels:
        title, place = panel["title"], panel["gridPos"]
        check(panel.get("description"), f"{title} has no description")
        check(place["x"] + place["w"] <= 24, f"{title} is outside of the grid")
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        check(not cells & taken, f"{title} lies over another panel")
        taken |= cells
        check(panel["fieldConfig"]["defaults"].get("unit"), f"{title} has no unit")
        for target in panel["targets"]:
            check(target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, f"{title} has a source of its own")
            used |= check_query(title, target["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            used |= set(re.findall(r"\binflight_\w+", variable["query"]["query"]))
    for name in FAMILIES:
        if not name.endswith(("_sum", "_count")):
            check(name in used, f"the dashboard does not show {name}")


def check_exported(text):
    """Every family that is used must be in what a server exported, with its labels."""
    samples = re.findall(r"^(inflight_\w+)(?:\{(.*)\})? ", text, re.MULTILINE)
    exported = {}
    for name, labels in samples:
        exported.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    for name, labels in FAMILIES.items():
        check(name in exported, f"the server exports no {name}")
        check(set(labels) <= exported.get(name, set(labels)), f"{name} has no label {', '.join(labels)}")


parser = argparse.ArgumentParser()
parser.add_argument("--metrics", type=pathlib.Path)
options = parser.parse_args()
check_adapter(check_manifests(manifests()))
check_dashboard()
if options.metrics:
    check_exported(options.metrics.read_text())
for problem in problems:
    print(f"lint-deploy: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)
