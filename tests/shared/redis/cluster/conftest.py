"""See tests/cluster."""

from tests.cluster.conftest import cluster as cluster
from tests.cluster.conftest import cluster_of_all as cluster_of_all
