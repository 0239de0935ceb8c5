"""Qdrant's gRPC interface over the engine that its Python client has for tests.

Usage: python3 qdrant_local.py [key]

Collections, filters, scores and aliases are those of `QdrantClient(":memory:")`, which its makers keep
equal to their server's; messages come and go through the client's own conversions. Prints the port as
`{"port": 1234}`; lives until its standard input ends.
"""

import json
import sys
from concurrent import futures

import grpc
from qdrant_client import QdrantClient
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.grpc import (
    collections_service_pb2_grpc as collections_rpc,
    points_service_pb2_grpc as points_rpc,
    qdrant_pb2_grpc as root_rpc,
    snapshots_service_pb2_grpc as snapshots_rpc,
)
import qdrant_client.grpc as wire

# Largest request of a server as it comes.
REQUEST_BYTES_MAX = 32 << 20

STORE = QdrantClient(":memory:")


def known(name, context):
    """The collection behind a name or an alias."""
    aliases = {alias.alias_name: alias.collection_name for alias in STORE.get_aliases().aliases}
    name = aliases.get(name, name)
    if not STORE.collection_exists(name):
        context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")
    return name


def checked(method):
    """What the engine cannot take is the caller's mistake."""

    def call(self, request, context):
        try:
            return method(self, request, context)
        except (ValueError, AssertionError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")

    return call


class Collections(collections_rpc.CollectionsServicer):
    @checked
    def Create(self, request, context):
        if STORE.collection_exists(request.collection_name):
            text = f"Wrong input: Collection `{request.collection_name}` already exists!"
            context.abort(grpc.StatusCode.ALREADY_EXISTS, text)
        dense, sparse = {}, None
        if request.HasField("vectors_config"):
            dense = GrpcToRest.convert_vectors_config(request.vectors_config)
        if request.HasField("sparse_vectors_config"):
            sparse = GrpcToRest.convert_sparse_vector_config(request.sparse_vectors_config)
        STORE.create_collection(
            request.collection_name, vectors_config=dense, sparse_vectors_config=sparse
        )
        return wire.CollectionOperationResponse(result=True)

    @checked
    def Delete(self, request, context):
        done = STORE.delete_collection(request.collection_name)
        return wire.CollectionOperationResponse(result=bool(done))

    @checked
    def List(self, request, context):
        names = [collection.name for collection in STORE.get_collections().collections]
        rows = [wire.CollectionDescription(name=name) for name in names]
        return wire.ListCollectionsResponse(collections=rows)

    @checked
    def CollectionExists(self, request, context):
        exists = STORE.collection_exists(request.collection_name)
        return wire.CollectionExistsResponse(result=wire.CollectionExists(exists=exists))

    @checked
    def UpdateAliases(self, request, context):
        for action in request.actions:
            if action.HasField("create_alias"):
                known(action.create_alias.collection_name, context)
        actions = [GrpcToRest.convert_alias_operations(action) for action in request.actions]
        STORE.update_collection_aliases(change_aliases_operations=actions)
        return wire.CollectionOperationResponse(result=True)

    @checked
    def ListAliases(self, request, context):
        rows = [
            wire.AliasDescription(alias_name=it.alias_name, collection_name=it.collection_name)
            for it in STORE.get_aliases().aliases
        ]
        return wire.ListAliasesResponse(aliases=rows)


def done():
    result = wire.UpdateResult(operation_id=1, status=wire.UpdateStatus.Completed)
    return wire.PointsOperationResponse(result=result, time=0.001)


class Points(points_rpc.PointsServicer):
    @checked
    def Upsert(self, request, context):
        name = known(request.collection_name, context)
        points = [GrpcToRest.convert_point_struct(point) for point in request.points]
        STORE.upsert(name, points=points)
        return done()

    @checked
    def Delete(self, request, context):
        name = known(request.collection_name, context)
        STORE.delete(name, points_selector=GrpcToRest.convert_points_selector(request.points))
        return done()

    @checked
    def CreateFieldIndex(self, request, context):
        known(request.collection_name, context)
        return done()

    @checked
    def Count(self, request, context):
        name = known(request.collection_name, context)
        count = STORE.count(name, exact=True).count
        return wire.CountResponse(result=wire.CountResult(count=count), time=0.001)

    @checked
    def Get(self, request, context):
        name = known(request.collection_name, context)
        ids = [GrpcToRest.convert_point_id(point) for point in request.ids]
        found = STORE.retrieve(name, ids=ids, with_payload=True, with_vectors=True)
        points = [RestToGrpc.convert_record(point) for point in found]
        return wire.GetResponse(result=points, time=0.001)

    @checked
    def Query(self, request, context):
        name = known(request.collection_name, context)
        asked = GrpcToRest.convert_query_points(request)
        found = STORE.query_points(
            name,
            query=asked.query,
            using=asked.using,
            query_filter=asked.filter,
            limit=asked.limit,
            with_payload=bool(asked.with_payload),
        )
        points = [RestToGrpc.convert_scored_point(point) for point in found.points]
        return wire.QueryResponse(result=points, time=0.001)


class Root(root_rpc.QdrantServicer):
    def HealthCheck(self, request, context):
        return wire.HealthCheckReply(title="qdrant - local", version="1.20.0", commit="local")


class Snapshots(snapshots_rpc.SnapshotsServicer):
    """The engine in memory has none."""


class Key(grpc.ServerInterceptor):
    """Turns away whoever does not bring the key."""

    def __init__(self, key):
        self.key = key

        def refuse(_, context):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Must provide an API key")

        self.refusal = grpc.unary_unary_rpc_method_handler(refuse)

    def intercept_service(self, continuation, details):
        if self.key and dict(details.invocation_metadata).get("api-key") != self.key:
            return self.refusal
        return continuation(details)


def main():
    key = sys.argv[1] if len(sys.argv) > 1 else None
    server = grpc.server(
        # The engine is not made for several callers at once.
        futures.ThreadPoolExecutor(max_workers=1),
        interceptors=[Key(key)],
        options=[("grpc.max_receive_message_length", REQUEST_BYTES_MAX)],
    )
    collections_rpc.add_CollectionsServicer_to_server(Collections(), server)
    points_rpc.add_PointsServicer_to_server(Points(), server)
    root_rpc.add_QdrantServicer_to_server(Root(), server)
    snapshots_rpc.add_SnapshotsServicer_to_server(Snapshots(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main()
