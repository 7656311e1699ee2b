"""Lay the whole model: directory, plannings, rights, rendez-vous, announcements, journal, mail queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


PAS_DE_RETOUCHE = """
CREATE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'journal is append-only' USING ERRCODE = '42501';
END $$
"""
#: Every service has its agenda row from its first instant: a version can always rise.
AGENDA_DU_SERVICE = """
CREATE FUNCTION agenda_du_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO agenda (service_id) VALUES (NEW.id);
    RETURN NEW;
END $$
"""

VUES = (
    """
    CREATE VIEW habilitation_service AS
    SELECT h.agent_id, h.profil, s.id AS service_id
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      JOIN service_fiscal s ON s.id = h.service_id
     WHERE h.perimetre = 'service'
    UNION ALL
    SELECT h.agent_id, h.profil, s.id
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      JOIN service_fiscal s ON s.departement = h.departement
     WHERE h.perimetre = 'departement'
    UNION ALL
    SELECT h.agent_id, h.profil, s.id
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      JOIN departement d ON d.interregion_id = h.interregion_id
      JOIN service_fiscal s ON s.departement = d.code
     WHERE h.perimetre = 'interregion'
    UNION ALL
    SELECT h.agent_id, h.profil, s.id
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      CROSS JOIN service_fiscal s
     WHERE h.perimetre = 'nation'
    """,
    """
    CREATE VIEW acces AS
    SELECT DISTINCT hs.agent_id, m.module, hs.service_id
      FROM habilitation_service hs
      JOIN (VALUES ('agent_local', 'agenda'), ('agent_national', 'agenda'),
                   ('admin_local', 'agenda'), ('admin_national', 'agenda'),
                   ('agent_local', 'accueil'), ('agent_national', 'accueil'), ('admin_local', 'accueil')
           ) AS m(profil, module) ON m.profil = hs.profil
      JOIN rattachement r ON r.agent_id = hs.agent_id AND r.service_id = hs.service_id
    UNION
    SELECT hs.agent_id, m.module, hs.service_id
      FROM habilitation_service hs
      JOIN (VALUES ('admin_local', 'organiser'), ('admin_national', 'organiser'),
                   ('admin_local', 'pilotage'), ('admin_national', 'pilotage'), ('pilotage', 'pilotage')
           ) AS m(profil, module) ON m.profil = hs.profil
    """,
    """
    CREATE VIEW acces_pilotage AS
    SELECT a.agent_id, 'service-' || a.service_id AS perimetre FROM acces a WHERE a.module = 'pilotage'
    UNION
    SELECT h.agent_id, 'departement-' || d.code
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      JOIN departement d ON h.perimetre = 'nation' OR h.departement = d.code OR h.interregion_id = d.interregion_id
     WHERE h.profil IN ('admin_local', 'admin_national', 'pilotage')
    UNION
    SELECT h.agent_id, 'interregion-' || i.id
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
      JOIN interregion i ON h.perimetre = 'nation' OR h.interregion_id = i.id
     WHERE h.profil IN ('admin_local', 'admin_national', 'pilotage')
    UNION
    SELECT h.agent_id, 'nation'
      FROM habilitation h
      JOIN agent a ON a.id = h.agent_id AND a.suspendu_a IS NULL
     WHERE h.perimetre = 'nation' AND h.profil IN ('admin_local', 'admin_national', 'pilotage')
    """,
)


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("identifiant", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("prenom", sa.Text(), nullable=False),
        sa.Column("courriel", sa.Text(), nullable=False),
        sa.Column("mot_de_passe", sa.Text(), nullable=True),
        sa.Column("sujet_oidc", sa.Text(), nullable=True),
        sa.Column("suspendu_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connexion_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connexion_precedente_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resume_quotidien", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("echecs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bloque_jusqu_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent")),
        sa.UniqueConstraint("identifiant", name=op.f("uq_agent_identifiant")),
        sa.UniqueConstraint("sujet_oidc", name=op.f("uq_agent_sujet_oidc")),
    )
    op.create_table(
        "epoque",
        sa.Column("seul", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("valeur", sa.Text(), nullable=False),
        sa.CheckConstraint("seul = 1", name=op.f("ck_epoque_seul")),
        sa.PrimaryKeyConstraint("seul", name=op.f("pk_epoque")),
    )
    op.create_table(
        "interregion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interregion")),
        sa.UniqueConstraint("nom", name=op.f("uq_interregion_nom")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acteur", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("rdv_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("origine", sa.Text(), nullable=False),
        sa.Column("adresse", postgresql.INET(), nullable=True),
        sa.Column("avant", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("apres", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("acteur IN ('usager', 'agent', 'systeme', 'inconnu')", name=op.f("ck_journal_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    op.create_index("ix_journal_agent_a", "journal", ["agent_id", "a"], unique=False)
    op.create_index(
        "ix_journal_rdv", "journal", ["rdv_id", "id"], unique=False, postgresql_where=sa.text("rdv_id IS NOT NULL")
    )
    op.create_index("ix_journal_service_a", "journal", ["service_id", "a"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sujet", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("trame", sa.Text(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("publie_a", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_a_publier", "outbox", ["id"], unique=False, postgresql_where=sa.text("publie_a IS NULL"))
    op.create_index(
        "ix_outbox_publie_a", "outbox", ["publie_a"], unique=False, postgresql_where=sa.text("publie_a IS NOT NULL")
    )
    op.create_index("uq_outbox_sujet_version", "outbox", ["sujet", "version"], unique=True)
    op.create_table(
        "site",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("adresse", sa.Text(), nullable=False),
        sa.Column("complement_adresse", sa.Text(), server_default="", nullable=False),
        sa.Column("code_postal", sa.Text(), nullable=False),
        sa.Column("ville", sa.Text(), nullable=False),
        sa.Column("fuseau", sa.Text(), nullable=False),
        sa.Column("equipement", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_table(
        "type_service",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("famille", sa.Text(), nullable=False),
        sa.Column("par_adresse", sa.Boolean(), nullable=False),
        sa.Column("comptable", sa.Boolean(), nullable=False),
        sa.Column("ordre", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_type_service")),
    )
    op.create_table(
        "usager",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("numero_fiscal", sa.Text(), nullable=True),
        sa.Column("siren", sa.Text(), nullable=True),
        sa.Column("sujet_oidc", sa.Text(), nullable=True),
        sa.Column("civilite", sa.Text(), nullable=True),
        sa.Column("nom_usage", sa.Text(), server_default="", nullable=False),
        sa.Column("nom_naissance", sa.Text(), server_default="", nullable=False),
        sa.Column("prenoms", sa.Text(), server_default="", nullable=False),
        sa.Column("date_naissance", sa.Date(), nullable=True),
        sa.Column("raison_sociale", sa.Text(), server_default="", nullable=False),
        sa.Column("contact", sa.Text(), server_default="", nullable=False),
        sa.Column("telephones", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("courriel", sa.Text(), nullable=True),
        sa.Column("modifie_a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("nature IN ('particulier', 'professionnel')", name=op.f("ck_usager_nature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usager")),
        sa.UniqueConstraint("numero_fiscal", name=op.f("uq_usager_numero_fiscal")),
        sa.UniqueConstraint("siren", name=op.f("uq_usager_siren")),
        sa.UniqueConstraint("sujet_oidc", name=op.f("uq_usager_sujet_oidc")),
    )
    op.create_table(
        "cle_api",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoquee_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_cle_api_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cle_api")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_cle_api_empreinte")),
    )
    op.create_index(op.f("ix_cle_api_agent_id"), "cle_api", ["agent_id"], unique=False)
    op.create_table(
        "departement",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("interregion_id", sa.BigInteger(), nullable=True),
        sa.Column("fuseau", sa.Text(), server_default="Europe/Paris", nullable=False),
        sa.Column("subdivision", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["interregion_id"], ["interregion.id"], name=op.f("fk_departement_interregion_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_departement")),
    )
    op.create_index(op.f("ix_departement_interregion_id"), "departement", ["interregion_id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("utilisee_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_invitation_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_invitation_empreinte")),
    )
    op.create_index(op.f("ix_invitation_agent_id"), "invitation", ["agent_id"], unique=False)
    op.create_table(
        "motif",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("type_service_code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), server_default="tous", nullable=False),
        sa.Column("documents", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("faq_url", sa.Text(), server_default="", nullable=False),
        sa.Column("demarche_url", sa.Text(), server_default="", nullable=False),
        sa.Column("ordre", sa.Integer(), server_default="0", nullable=False),
        sa.Column("actif", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("nature IN ('assiette', 'recouvrement', 'mixte')", name=op.f("ck_motif_nature")),
        sa.CheckConstraint("public IN ('particulier', 'professionnel', 'tous')", name=op.f("ck_motif_public")),
        sa.ForeignKeyConstraint(["parent_id"], ["motif.id"], name=op.f("fk_motif_parent_id")),
        sa.ForeignKeyConstraint(["type_service_code"], ["type_service.code"], name=op.f("fk_motif_type_service_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_motif")),
        sa.UniqueConstraint("code", name=op.f("uq_motif_code")),
    )
    op.create_index(op.f("ix_motif_parent_id"), "motif", ["parent_id"], unique=False)
    op.create_index(op.f("ix_motif_type_service_code"), "motif", ["type_service_code"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vue_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoquee_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_session_agent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("empreinte", name=op.f("uq_session_empreinte")),
    )
    op.create_index(op.f("ix_session_agent_id"), "session", ["agent_id"], unique=False)
    op.create_index(op.f("ix_session_expire_a"), "session", ["expire_a"], unique=False)
    op.create_table(
        "commune",
        sa.Column("code_insee", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("nom_recherche", sa.Text(), nullable=False),
        sa.Column("departement", sa.Text(), nullable=False),
        sa.Column("codes_postaux", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("population", sa.Integer(), server_default="0", nullable=False),
        sa.Column("latitude", sa.Numeric(precision=8, scale=5), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=8, scale=5), nullable=True),
        sa.ForeignKeyConstraint(["departement"], ["departement.code"], name=op.f("fk_commune_departement")),
        sa.PrimaryKeyConstraint("code_insee", name=op.f("pk_commune")),
    )
    op.create_index("ix_commune_codes_postaux", "commune", ["codes_postaux"], unique=False, postgresql_using="gin")
    op.create_index(op.f("ix_commune_departement"), "commune", ["departement"], unique=False)
    op.create_index("ix_commune_nom_recherche", "commune", ["nom_recherche"], unique=False)
    op.create_table(
        "service_fiscal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("type_code", sa.Text(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("sages", sa.Text(), nullable=False),
        sa.Column("codique", sa.Text(), nullable=True),
        sa.Column("codique_partage", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("libelle", sa.Text(), nullable=False),
        sa.Column("adresse", sa.Text(), nullable=False),
        sa.Column("complement_adresse", sa.Text(), server_default="", nullable=False),
        sa.Column("code_postal", sa.Text(), nullable=False),
        sa.Column("ville", sa.Text(), nullable=False),
        sa.Column("departement", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("courriel", sa.Text(), nullable=False),
        sa.Column("fuseau", sa.Text(), nullable=False),
        sa.Column("accessibilite", sa.Text(), server_default="", nullable=False),
        sa.Column("horaires_texte", sa.Text(), server_default="", nullable=False),
        sa.Column("latitude", sa.Numeric(precision=8, scale=5), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=8, scale=5), nullable=True),
        sa.Column("pas_minutes", sa.Integer(), server_default="20", nullable=False),
        sa.Column("duree_minutes", sa.Integer(), server_default="20", nullable=False),
        sa.Column("centre_contact", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("en_ligne", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("visio_base", sa.Text(), server_default="", nullable=False),
        sa.Column("dossier_url", sa.Text(), server_default="", nullable=False),
        sa.Column("ferme_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("codique IS NULL OR codique ~ '^[0-9]{6}$'", name=op.f("ck_service_fiscal_codique")),
        sa.CheckConstraint("sages ~ '^[0-9]{7}$'", name=op.f("ck_service_fiscal_sages")),
        sa.CheckConstraint("duree_minutes BETWEEN 5 AND 480", name=op.f("ck_service_fiscal_duree")),
        sa.CheckConstraint("pas_minutes BETWEEN 5 AND 240", name=op.f("ck_service_fiscal_pas")),
        sa.ForeignKeyConstraint(["departement"], ["departement.code"], name=op.f("fk_service_fiscal_departement")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_service_fiscal_site_id")),
        sa.ForeignKeyConstraint(["type_code"], ["type_service.code"], name=op.f("fk_service_fiscal_type_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_fiscal")),
        sa.UniqueConstraint("sages", name=op.f("uq_service_fiscal_sages")),
    )
    op.create_index(op.f("ix_service_fiscal_codique"), "service_fiscal", ["codique"], unique=False)
    op.create_index(op.f("ix_service_fiscal_departement"), "service_fiscal", ["departement"], unique=False)
    op.create_index(op.f("ix_service_fiscal_site_id"), "service_fiscal", ["site_id"], unique=False)
    op.create_index(op.f("ix_service_fiscal_type_code"), "service_fiscal", ["type_code"], unique=False)
    op.create_table(
        "agenda",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("version_creneaux", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("version_affichage", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("version_planning", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_agenda_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_agenda")),
    )
    op.create_table(
        "competence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code_insee", sa.Text(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("voies", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["code_insee"], ["commune.code_insee"], name=op.f("fk_competence_code_insee")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_competence_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competence")),
        sa.UniqueConstraint(
            "code_insee", "service_id", "voies", name=op.f("uq_competence_code_insee_service_id_voies")
        ),
    )
    op.create_index(op.f("ix_competence_service_id"), "competence", ["service_id"], unique=False)
    op.create_table(
        "compteur_jour",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("etat", sa.Text(), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_compteur_jour_service_id")),
        sa.PrimaryKeyConstraint("service_id", "jour", "etat", name=op.f("pk_compteur_jour")),
    )
    op.create_index("ix_compteur_jour_jour", "compteur_jour", ["jour"], unique=False)
    op.create_table(
        "delegation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("service_delegue_id", sa.BigInteger(), nullable=False),
        sa.Column("motifs", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("du", sa.Date(), nullable=False),
        sa.Column("au", sa.Date(), nullable=False),
        sa.Column("quota_jour", sa.Integer(), nullable=True),
        sa.Column("etat", sa.Text(), nullable=False),
        sa.Column("decide_par", sa.BigInteger(), nullable=True),
        sa.Column("decide_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("etat IN ('proposee', 'acceptee', 'refusee', 'retiree')", name=op.f("ck_delegation_etat")),
        sa.CheckConstraint("du <= au", name=op.f("ck_delegation_dates")),
        sa.CheckConstraint("quota_jour > 0", name=op.f("ck_delegation_quota")),
        sa.CheckConstraint("service_id <> service_delegue_id", name=op.f("ck_delegation_autre_service")),
        sa.ForeignKeyConstraint(["decide_par"], ["agent.id"], name=op.f("fk_delegation_decide_par")),
        sa.ForeignKeyConstraint(
            ["service_delegue_id"], ["service_fiscal.id"], name=op.f("fk_delegation_service_delegue_id")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_delegation_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_service_delegue_id"), "delegation", ["service_delegue_id"], unique=False)
    op.create_index(op.f("ix_delegation_service_id"), "delegation", ["service_id"], unique=False)
    op.create_table(
        "guichet",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("ordre", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ouvert", sa.Boolean(), nullable=False),
        sa.Column("motifs", postgresql.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("canaux", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("types", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("canaux <@ ARRAY['internet', 'exterieur', 'rattache']", name=op.f("ck_guichet_canaux")),
        sa.CheckConstraint("types <@ ARRAY['guichet', 'telephone', 'visio']", name=op.f("ck_guichet_types")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_guichet_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guichet")),
        sa.UniqueConstraint("service_id", "nom", name=op.f("uq_guichet_service_id_nom")),
    )
    op.create_table(
        "habilitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("profil", sa.Text(), nullable=False),
        sa.Column("perimetre", sa.Text(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("departement", sa.Text(), nullable=True),
        sa.Column("interregion_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(service_id, departement, interregion_id) = (perimetre <> 'nation')::int AND (perimetre = 'service') = (service_id IS NOT NULL) AND (perimetre = 'departement') = (departement IS NOT NULL) AND (perimetre = 'interregion') = (interregion_id IS NOT NULL) AND perimetre IN ('service', 'departement', 'interregion', 'nation')",
            name=op.f("ck_habilitation_perimetre"),
        ),
        sa.CheckConstraint(
            "profil IN ('agent_local', 'agent_national', 'admin_local', 'admin_national', 'pilotage')",
            name=op.f("ck_habilitation_profil"),
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_habilitation_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["departement"], ["departement.code"], name=op.f("fk_habilitation_departement")),
        sa.ForeignKeyConstraint(["interregion_id"], ["interregion.id"], name=op.f("fk_habilitation_interregion_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_habilitation_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_habilitation")),
    )
    op.create_index(op.f("ix_habilitation_agent_id"), "habilitation", ["agent_id"], unique=False)
    op.create_index(op.f("ix_habilitation_departement"), "habilitation", ["departement"], unique=False)
    op.create_index(op.f("ix_habilitation_interregion_id"), "habilitation", ["interregion_id"], unique=False)
    op.create_index(op.f("ix_habilitation_service_id"), "habilitation", ["service_id"], unique=False)
    op.create_index(
        "uq_habilitation",
        "habilitation",
        [
            "agent_id",
            "profil",
            "perimetre",
            sa.literal_column("coalesce(service_id, 0)"),
            sa.literal_column("coalesce(departement, '')"),
            sa.literal_column("coalesce(interregion_id, 0)"),
        ],
        unique=True,
    )
    op.create_table(
        "jour_ouvert",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("libelle", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_jour_ouvert_service_id")),
        sa.PrimaryKeyConstraint("service_id", "jour", name=op.f("pk_jour_ouvert")),
    )
    op.create_table(
        "journee_type",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_journee_type_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journee_type")),
        sa.UniqueConstraint("service_id", "nom", name=op.f("uq_journee_type_service_id_nom")),
    )
    op.create_table(
        "motif_service",
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("motif_id", sa.BigInteger(), nullable=False),
        sa.Column("ouvert", sa.Boolean(), nullable=False),
        sa.Column("duree_minutes", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("duree_minutes BETWEEN 5 AND 480", name=op.f("ck_motif_service_duree")),
        sa.ForeignKeyConstraint(["motif_id"], ["motif.id"], name=op.f("fk_motif_service_motif_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_motif_service_service_id")),
        sa.PrimaryKeyConstraint("service_id", "motif_id", name=op.f("pk_motif_service")),
    )
    op.create_index(op.f("ix_motif_service_motif_id"), "motif_service", ["motif_id"], unique=False)
    op.create_table(
        "parametre",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cle", sa.Text(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("valeur", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("modifie_par", sa.BigInteger(), nullable=True),
        sa.Column("modifie_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_parametre_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parametre")),
        sa.UniqueConstraint(
            "cle", "service_id", name=op.f("uq_parametre_cle_service_id"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "rattachement",
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_rattachement_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_rattachement_service_id")),
        sa.PrimaryKeyConstraint("agent_id", "service_id", name=op.f("pk_rattachement")),
    )
    op.create_index(op.f("ix_rattachement_service_id"), "rattachement", ["service_id"], unique=False)
    op.create_table(
        "exception_planning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("guichet_id", sa.BigInteger(), nullable=True),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("du", sa.Date(), nullable=False),
        sa.Column("au", sa.Date(), nullable=False),
        sa.Column("debut_minute", sa.Integer(), nullable=True),
        sa.Column("fin_minute", sa.Integer(), nullable=True),
        sa.Column("libelle", sa.Text(), server_default="", nullable=False),
        sa.Column("cree_par", sa.BigInteger(), nullable=True),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("nature IN ('fermeture', 'ouverture')", name=op.f("ck_exception_planning_nature")),
        sa.CheckConstraint(
            "(debut_minute IS NULL) = (fin_minute IS NULL)", name=op.f("ck_exception_planning_heures_ensemble")
        ),
        sa.CheckConstraint(
            "0 <= debut_minute AND debut_minute < fin_minute AND fin_minute <= 1440",
            name=op.f("ck_exception_planning_bornes"),
        ),
        sa.CheckConstraint("du <= au", name=op.f("ck_exception_planning_dates")),
        sa.ForeignKeyConstraint(["cree_par"], ["agent.id"], name=op.f("fk_exception_planning_cree_par")),
        sa.ForeignKeyConstraint(
            ["guichet_id"], ["guichet.id"], name=op.f("fk_exception_planning_guichet_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_exception_planning_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_planning")),
    )
    op.create_index(op.f("ix_exception_planning_guichet_id"), "exception_planning", ["guichet_id"], unique=False)
    op.create_index(
        "ix_exception_planning_service_dates", "exception_planning", ["service_id", "du", "au"], unique=False
    )
    op.create_table(
        "guichet_agent",
        sa.Column("guichet_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_guichet_agent_agent_id")),
        sa.ForeignKeyConstraint(
            ["guichet_id"], ["guichet.id"], name=op.f("fk_guichet_agent_guichet_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("guichet_id", "agent_id", name=op.f("pk_guichet_agent")),
    )
    op.create_index(op.f("ix_guichet_agent_agent_id"), "guichet_agent", ["agent_id"], unique=False)
    op.create_table(
        "plage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("journee_type_id", sa.BigInteger(), nullable=False),
        sa.Column("debut_minute", sa.Integer(), nullable=False),
        sa.Column("fin_minute", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= debut_minute AND debut_minute < fin_minute AND fin_minute <= 1440", name=op.f("ck_plage_bornes")
        ),
        sa.ForeignKeyConstraint(
            ["journee_type_id"], ["journee_type.id"], name=op.f("fk_plage_journee_type_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plage")),
    )
    op.create_index(op.f("ix_plage_journee_type_id"), "plage", ["journee_type_id"], unique=False)
    op.create_table(
        "planning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("guichet_id", sa.BigInteger(), nullable=True),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), server_default="1", nullable=False),
        sa.Column("du", sa.Date(), nullable=False),
        sa.Column("au", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("nature IN ('semaine', 'mois')", name=op.f("ck_planning_nature")),
        sa.CheckConstraint("au IS NULL OR du <= au", name=op.f("ck_planning_dates")),
        sa.CheckConstraint("cycle BETWEEN 1 AND 8", name=op.f("ck_planning_cycle")),
        sa.ForeignKeyConstraint(
            ["guichet_id"], ["guichet.id"], name=op.f("fk_planning_guichet_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_planning_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planning")),
    )
    op.create_index(op.f("ix_planning_guichet_id"), "planning", ["guichet_id"], unique=False)
    op.create_index(op.f("ix_planning_service_id"), "planning", ["service_id"], unique=False)
    op.create_table(
        "rendez_vous",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("service_origine_id", sa.BigInteger(), nullable=True),
        sa.Column("guichet_id", sa.BigInteger(), nullable=False),
        sa.Column("motif_id", sa.BigInteger(), nullable=False),
        sa.Column("type_rdv", sa.Text(), nullable=False),
        sa.Column("debut", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fin", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("etat", sa.Text(), nullable=False),
        sa.Column("occupe", sa.Boolean(), nullable=False),
        sa.Column("canal", sa.Text(), nullable=False),
        sa.Column("origine", sa.Text(), nullable=False),
        sa.Column("nature_option", sa.Text(), nullable=True),
        sa.Column("expire_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("option_empreinte", sa.LargeBinary(), nullable=True),
        sa.Column("cle_idempotence", sa.LargeBinary(), nullable=True),
        sa.Column("empreinte_demande", sa.LargeBinary(), nullable=True),
        sa.Column("lien_sel", sa.LargeBinary(), nullable=True),
        sa.Column("lien_empreinte", sa.LargeBinary(), nullable=True),
        sa.Column("precision", sa.Text(), server_default="", nullable=False),
        sa.Column("note_interne", sa.Text(), server_default="", nullable=False),
        sa.Column("message_usager", sa.Text(), server_default="", nullable=False),
        sa.Column("visio_lien", sa.Text(), server_default="", nullable=False),
        sa.Column("forcages", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cree_par", sa.BigInteger(), nullable=True),
        sa.Column("modifie_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("annule_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("annule_par", sa.Text(), nullable=True),
        sa.Column("annule_par_agent", sa.BigInteger(), nullable=True),
        sa.Column("annule_raison", sa.Text(), server_default="", nullable=False),
        sa.Column("usager_id", sa.BigInteger(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(guichet_id, guichet_id, '[]')"), "&&"),
            (sa.text("tstzrange(debut, fin)"), "&&"),
            where=sa.text("occupe"),
            using="gist",
            name="ex_rendez_vous_guichet",
        ),
        sa.CheckConstraint("(etat = 'option') = (code IS NULL)", name=op.f("ck_rendez_vous_code")),
        sa.CheckConstraint(
            "(etat = 'option') = (nature_option IS NOT NULL) AND (etat = 'option') = (expire_a IS NOT NULL)",
            name=op.f("ck_rendez_vous_option"),
        ),
        sa.CheckConstraint("canal IN ('internet', 'exterieur', 'rattache')", name=op.f("ck_rendez_vous_canal")),
        sa.CheckConstraint("etat <> 'annule' OR NOT occupe", name=op.f("ck_rendez_vous_annule_libere")),
        sa.CheckConstraint(
            "etat IN ('option','prevu','arrive','appele','recu','termine','annule','non_honore')",
            name=op.f("ck_rendez_vous_etat"),
        ),
        sa.CheckConstraint("nature_option IN ('saisie', 'offre', 'gel')", name=op.f("ck_rendez_vous_nature_option")),
        sa.CheckConstraint(
            "origine IN ('internet', 'telephone', 'guichet', 'courriel', 'borne', 'api')",
            name=op.f("ck_rendez_vous_origine"),
        ),
        sa.CheckConstraint("type_rdv IN ('guichet', 'telephone', 'visio')", name=op.f("ck_rendez_vous_type_rdv")),
        sa.CheckConstraint("debut < fin", name=op.f("ck_rendez_vous_bornes")),
        sa.ForeignKeyConstraint(["annule_par_agent"], ["agent.id"], name=op.f("fk_rendez_vous_annule_par_agent")),
        sa.ForeignKeyConstraint(["cree_par"], ["agent.id"], name=op.f("fk_rendez_vous_cree_par")),
        sa.ForeignKeyConstraint(["guichet_id"], ["guichet.id"], name=op.f("fk_rendez_vous_guichet_id")),
        sa.ForeignKeyConstraint(["motif_id"], ["motif.id"], name=op.f("fk_rendez_vous_motif_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_rendez_vous_service_id")),
        sa.ForeignKeyConstraint(
            ["service_origine_id"], ["service_fiscal.id"], name=op.f("fk_rendez_vous_service_origine_id")
        ),
        sa.ForeignKeyConstraint(["usager_id"], ["usager.id"], name=op.f("fk_rendez_vous_usager_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendez_vous")),
        sa.UniqueConstraint("cle_idempotence", name=op.f("uq_rendez_vous_cle_idempotence")),
        sa.UniqueConstraint("code", name=op.f("uq_rendez_vous_code")),
        sa.UniqueConstraint("lien_empreinte", name=op.f("uq_rendez_vous_lien_empreinte")),
    )
    op.create_index(
        "ix_rendez_vous_a_clore",
        "rendez_vous",
        ["jour"],
        unique=False,
        postgresql_where=sa.text("etat IN ('prevu', 'arrive', 'appele', 'recu')"),
    )
    op.create_index(
        "ix_rendez_vous_expire", "rendez_vous", ["expire_a"], unique=False, postgresql_where=sa.text("etat = 'option'")
    )
    op.create_index(
        "ix_rendez_vous_guichet_jour",
        "rendez_vous",
        ["guichet_id", "jour"],
        unique=False,
        postgresql_where=sa.text("occupe"),
    )
    op.create_index("ix_rendez_vous_service_jour", "rendez_vous", ["service_id", "jour"], unique=False)
    op.create_index(op.f("ix_rendez_vous_service_origine_id"), "rendez_vous", ["service_origine_id"], unique=False)
    op.create_index(op.f("ix_rendez_vous_usager_id"), "rendez_vous", ["usager_id"], unique=False)
    op.create_table(
        "affectation",
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_affectation_agent_id")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_affectation_rdv_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rdv_id", "agent_id", name=op.f("pk_affectation")),
    )
    op.create_index(op.f("ix_affectation_agent_id"), "affectation", ["agent_id"], unique=False)
    op.create_table(
        "contre_appel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("resultat", sa.Text(), nullable=False),
        sa.Column("commentaire", sa.Text(), nullable=False),
        sa.Column("annule_rdv", sa.Boolean(), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("commentaire <> ''", name=op.f("ck_contre_appel_commentaire")),
        sa.CheckConstraint(
            "resultat IN ('regle', 'a_recevoir', 'sans_reponse', 'message_laisse')",
            name=op.f("ck_contre_appel_resultat"),
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_contre_appel_agent_id")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_contre_appel_rdv_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contre_appel")),
    )
    op.create_index(op.f("ix_contre_appel_rdv_id"), "contre_appel", ["rdv_id"], unique=False)
    op.create_table(
        "courrier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=True),
        sa.Column("evenement", sa.Text(), nullable=False),
        sa.Column("canal", sa.Text(), nullable=False),
        sa.Column("destinataire", sa.Text(), nullable=False),
        sa.Column("langue", sa.Text(), server_default="fr", nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("donnees", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("du_a", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tentatives", sa.Integer(), server_default="0", nullable=False),
        sa.Column("envoye_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("abandonne_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erreur", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("canal IN ('mail', 'sms')", name=op.f("ck_courrier_canal")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_courrier_rdv_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courrier")),
        sa.UniqueConstraint("message_id", name=op.f("uq_courrier_message_id")),
    )
    op.create_index(
        "ix_courrier_a_envoyer",
        "courrier",
        ["du_a"],
        unique=False,
        postgresql_where=sa.text("envoye_a IS NULL AND abandonne_a IS NULL"),
    )
    op.create_index(op.f("ix_courrier_rdv_id"), "courrier", ["rdv_id"], unique=False)
    op.create_index(
        "uq_courrier_evenement",
        "courrier",
        ["rdv_id", "evenement", "canal", "destinataire", sa.literal_column("(donnees->>'sequence')")],
        unique=True,
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=True),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("jour", sa.Date(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("motif_id", sa.BigInteger(), nullable=True),
        sa.Column("guichet_id", sa.BigInteger(), nullable=True),
        sa.Column("arrivee_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrivee_par", sa.BigInteger(), nullable=True),
        sa.Column("appel_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reception_a", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fin_a", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["arrivee_par"], ["agent.id"], name=op.f("fk_passage_arrivee_par")),
        sa.ForeignKeyConstraint(["guichet_id"], ["guichet.id"], name=op.f("fk_passage_guichet_id")),
        sa.ForeignKeyConstraint(["motif_id"], ["motif.id"], name=op.f("fk_passage_motif_id")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_passage_rdv_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service_fiscal.id"], name=op.f("fk_passage_service_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_passage_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage")),
        sa.UniqueConstraint("rdv_id", name=op.f("uq_passage_rdv_id")),
        sa.UniqueConstraint("site_id", "jour", "ticket", name=op.f("uq_passage_site_id_jour_ticket")),
    )
    op.create_index("ix_passage_service_jour", "passage", ["service_id", "jour"], unique=False)
    op.create_table(
        "planning_jour",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("planning_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("jour_semaine", sa.Integer(), nullable=False),
        sa.Column("journee_type_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("jour_semaine BETWEEN 1 AND 7", name=op.f("ck_planning_jour_jour")),
        sa.CheckConstraint("rang BETWEEN -1 AND 8", name=op.f("ck_planning_jour_rang")),
        sa.ForeignKeyConstraint(
            ["journee_type_id"], ["journee_type.id"], name=op.f("fk_planning_jour_journee_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["planning_id"], ["planning.id"], name=op.f("fk_planning_jour_planning_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planning_jour")),
        sa.UniqueConstraint(
            "planning_id",
            "rang",
            "jour_semaine",
            "journee_type_id",
            name=op.f("uq_planning_jour_planning_id_rang_jour_semaine_journee_type_id"),
        ),
    )
    op.create_index(op.f("ix_planning_jour_journee_type_id"), "planning_jour", ["journee_type_id"], unique=False)
    op.create_table(
        "rdv_usager",
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("civilite", sa.Text(), nullable=True),
        sa.Column("nom_usage", sa.Text(), server_default="", nullable=False),
        sa.Column("nom_naissance", sa.Text(), server_default="", nullable=False),
        sa.Column("prenoms", sa.Text(), server_default="", nullable=False),
        sa.Column("date_naissance", sa.Date(), nullable=True),
        sa.Column("numero_fiscal", sa.Text(), nullable=True),
        sa.Column("raison_sociale", sa.Text(), server_default="", nullable=False),
        sa.Column("siren", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), server_default="", nullable=False),
        sa.Column("telephones", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("preference_appel", sa.Text(), nullable=True),
        sa.Column("courriel", sa.Text(), nullable=True),
        sa.Column("langue", sa.Text(), server_default="fr", nullable=False),
        sa.Column("recherche", sa.Text(), server_default="", nullable=False),
        sa.Column("anonymise_a", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("civilite IN ('madame', 'monsieur')", name=op.f("ck_rdv_usager_civilite")),
        sa.CheckConstraint("nature IN ('particulier', 'professionnel')", name=op.f("ck_rdv_usager_nature")),
        sa.CheckConstraint("preference_appel IN ('matin', 'apres-midi')", name=op.f("ck_rdv_usager_preference")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_rdv_usager_rdv_id")),
        sa.PrimaryKeyConstraint("rdv_id", name=op.f("pk_rdv_usager")),
    )
    op.create_index(op.f("ix_rdv_usager_numero_fiscal"), "rdv_usager", ["numero_fiscal"], unique=False)
    op.create_index(op.f("ix_rdv_usager_siren"), "rdv_usager", ["siren"], unique=False)
    op.create_table(
        "suite",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rdv_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("cree_a", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("nature IN ('demarche', 'sans_suite', 'fiche_visite')", name=op.f("ck_suite_nature")),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], name=op.f("fk_suite_agent_id")),
        sa.ForeignKeyConstraint(["rdv_id"], ["rendez_vous.id"], name=op.f("fk_suite_rdv_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suite")),
    )
    op.create_index(op.f("ix_suite_rdv_id"), "suite", ["rdv_id"], unique=False)
    for vue in VUES:
        op.execute(vue)
    op.execute("INSERT INTO epoque (seul, valeur) VALUES (1, gen_random_uuid()::text)")
    op.execute(PAS_DE_RETOUCHE)
    op.execute(
        "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal"
        " FOR EACH ROW EXECUTE FUNCTION journal_append_only()"
    )
    op.execute(AGENDA_DU_SERVICE)
    op.execute(
        "CREATE TRIGGER agenda_du_service AFTER INSERT ON service_fiscal"
        " FOR EACH ROW EXECUTE FUNCTION agenda_du_service()"
    )


def downgrade() -> None:
    for vue in ("acces_pilotage", "acces", "habilitation_service"):
        op.execute(f"DROP VIEW {vue}")
    op.execute("DROP TRIGGER agenda_du_service ON service_fiscal")
    op.execute("DROP FUNCTION agenda_du_service()")
    op.execute("DROP TRIGGER journal_append_only ON journal")
    op.execute("DROP FUNCTION journal_append_only()")
    op.drop_index(op.f("ix_suite_rdv_id"), table_name="suite")
    op.drop_table("suite")
    op.drop_index(op.f("ix_rdv_usager_siren"), table_name="rdv_usager")
    op.drop_index(op.f("ix_rdv_usager_numero_fiscal"), table_name="rdv_usager")
    op.drop_table("rdv_usager")
    op.drop_index(op.f("ix_planning_jour_journee_type_id"), table_name="planning_jour")
    op.drop_table("planning_jour")
    op.drop_index("ix_passage_service_jour", table_name="passage")
    op.drop_table("passage")
    op.drop_index("uq_courrier_evenement", table_name="courrier")
    op.drop_index(op.f("ix_courrier_rdv_id"), table_name="courrier")
    op.drop_index(
        "ix_courrier_a_envoyer",
        table_name="courrier",
        postgresql_where=sa.text("envoye_a IS NULL AND abandonne_a IS NULL"),
    )
    op.drop_table("courrier")
    op.drop_index(op.f("ix_contre_appel_rdv_id"), table_name="contre_appel")
    op.drop_table("contre_appel")
    op.drop_index(op.f("ix_affectation_agent_id"), table_name="affectation")
    op.drop_table("affectation")
    op.drop_index(op.f("ix_rendez_vous_usager_id"), table_name="rendez_vous")
    op.drop_index(op.f("ix_rendez_vous_service_origine_id"), table_name="rendez_vous")
    op.drop_index("ix_rendez_vous_service_jour", table_name="rendez_vous")
    op.drop_index("ix_rendez_vous_guichet_jour", table_name="rendez_vous", postgresql_where=sa.text("occupe"))
    op.drop_index("ix_rendez_vous_expire", table_name="rendez_vous", postgresql_where=sa.text("etat = 'option'"))
    op.drop_index(
        "ix_rendez_vous_a_clore",
        table_name="rendez_vous",
        postgresql_where=sa.text("etat IN ('prevu', 'arrive', 'appele', 'recu')"),
    )
    op.drop_table("rendez_vous")
    op.drop_index(op.f("ix_planning_service_id"), table_name="planning")
    op.drop_index(op.f("ix_planning_guichet_id"), table_name="planning")
    op.drop_table("planning")
    op.drop_index(op.f("ix_plage_journee_type_id"), table_name="plage")
    op.drop_table("plage")
    op.drop_index(op.f("ix_guichet_agent_agent_id"), table_name="guichet_agent")
    op.drop_table("guichet_agent")
    op.drop_index("ix_exception_planning_service_dates", table_name="exception_planning")
    op.drop_index(op.f("ix_exception_planning_guichet_id"), table_name="exception_planning")
    op.drop_table("exception_planning")
    op.drop_index(op.f("ix_rattachement_service_id"), table_name="rattachement")
    op.drop_table("rattachement")
    op.drop_table("parametre")
    op.drop_index(op.f("ix_motif_service_motif_id"), table_name="motif_service")
    op.drop_table("motif_service")
    op.drop_table("journee_type")
    op.drop_table("jour_ouvert")
    op.drop_index("uq_habilitation", table_name="habilitation")
    op.drop_index(op.f("ix_habilitation_service_id"), table_name="habilitation")
    op.drop_index(op.f("ix_habilitation_interregion_id"), table_name="habilitation")
    op.drop_index(op.f("ix_habilitation_departement"), table_name="habilitation")
    op.drop_index(op.f("ix_habilitation_agent_id"), table_name="habilitation")
    op.drop_table("habilitation")
    op.drop_table("guichet")
    op.drop_index(op.f("ix_delegation_service_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_service_delegue_id"), table_name="delegation")
    op.drop_table("delegation")
    op.drop_index("ix_compteur_jour_jour", table_name="compteur_jour")
    op.drop_table("compteur_jour")
    op.drop_index(op.f("ix_competence_service_id"), table_name="competence")
    op.drop_table("competence")
    op.drop_table("agenda")
    op.drop_index(op.f("ix_service_fiscal_type_code"), table_name="service_fiscal")
    op.drop_index(op.f("ix_service_fiscal_site_id"), table_name="service_fiscal")
    op.drop_index(op.f("ix_service_fiscal_departement"), table_name="service_fiscal")
    op.drop_index(op.f("ix_service_fiscal_codique"), table_name="service_fiscal")
    op.drop_table("service_fiscal")
    op.drop_index("ix_commune_nom_recherche", table_name="commune")
    op.drop_index(op.f("ix_commune_departement"), table_name="commune")
    op.drop_index("ix_commune_codes_postaux", table_name="commune", postgresql_using="gin")
    op.drop_table("commune")
    op.drop_index(op.f("ix_session_expire_a"), table_name="session")
    op.drop_index(op.f("ix_session_agent_id"), table_name="session")
    op.drop_table("session")
    op.drop_index(op.f("ix_motif_type_service_code"), table_name="motif")
    op.drop_index(op.f("ix_motif_parent_id"), table_name="motif")
    op.drop_table("motif")
    op.drop_index(op.f("ix_invitation_agent_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_index(op.f("ix_departement_interregion_id"), table_name="departement")
    op.drop_table("departement")
    op.drop_index(op.f("ix_cle_api_agent_id"), table_name="cle_api")
    op.drop_table("cle_api")
    op.drop_table("usager")
    op.drop_table("type_service")
    op.drop_table("site")
    op.drop_index("uq_outbox_sujet_version", table_name="outbox")
    op.drop_index("ix_outbox_publie_a", table_name="outbox", postgresql_where=sa.text("publie_a IS NOT NULL"))
    op.drop_index("ix_outbox_a_publier", table_name="outbox", postgresql_where=sa.text("publie_a IS NULL"))
    op.drop_table("outbox")
    op.drop_index("ix_journal_service_a", table_name="journal")
    op.drop_index("ix_journal_rdv", table_name="journal", postgresql_where=sa.text("rdv_id IS NOT NULL"))
    op.drop_index("ix_journal_agent_a", table_name="journal")
    op.drop_table("journal")
    op.drop_table("interregion")
    op.drop_table("epoque")
    op.drop_table("agent")
